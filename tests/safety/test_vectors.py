"""Questions that are judged in the same moment cost one request for their vectors."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from chatapp.safety.learned import vectors
from chatapp.safety.learned.heads import heads
from retrieval.errors import IndexUnavailable


class Service:
    """An index service whose vectors tell the length of their text."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.error: Exception | None = None
        self.held: asyncio.Event | None = None
        self.short = 0  # vectors that it leaves out

    async def embed(self, texts: Sequence[str], *, bulk: bool, of_model: str) -> Any:
        assert not bulk and of_model == heads().model
        self.asked.append(list(texts))
        if self.held is not None:
            await self.held.wait()
        if self.error is not None:
            raise self.error
        found = np.array([len(text) for text in texts], np.float32)[:, None]
        return np.repeat(found, heads().dimension, axis=1)[self.short :]


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    double = Service()
    monkeypatch.setattr(vectors, "shared_client", lambda _: double)
    return double


async def lengths(*texts: str) -> list[int]:
    return [int(row[0]) for row in await vectors.vectors_of(texts)]


async def test_all_of_one_moment_are_one_request_and_each_gets_its_own(service: Service) -> None:
    found = await asyncio.gather(lengths("a", "bbb"), lengths("cc"), lengths("bbb"))
    assert list(found) == [[1, 3], [2], [3]]
    assert service.asked == [["a", "bbb", "cc"]]


async def test_a_long_text_goes_by_itself_and_requests_are_bounded(service: Service) -> None:
    page = "x" * 2000
    found = await asyncio.gather(lengths(page), *(lengths(f"{number:03}") for number in range(70)))
    assert found == [[2000]] + [[3]] * 70
    assert [page] in service.asked
    assert sorted(map(len, service.asked)) == [1, 6, 32, 32]


async def test_what_goes_wrong_is_told_to_everybody_and_the_next_is_asked_again(service: Service) -> None:
    service.error = IndexUnavailable(detail="away")
    found = await asyncio.gather(lengths("a"), lengths("b"), return_exceptions=True)
    assert [type(one) for one in found] == [IndexUnavailable] * 2
    service.error, service.short = None, 1
    with pytest.raises(IndexUnavailable):
        await lengths("a")
    service.short = 0
    assert await lengths("a") == [1]


async def test_nobody_waits_long_for_a_service_that_hangs(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "_WAIT_S", 0.1)
    service.held = asyncio.Event()
    found = await asyncio.gather(lengths("a"), lengths("y" * 900), return_exceptions=True)
    assert [type(one) for one in found] == [IndexUnavailable] * 2
    service.held.set()
    assert await lengths("bb") == [2]


async def test_one_that_goes_away_takes_nobody_along(service: Service) -> None:
    service.held = asyncio.Event()
    first, second = asyncio.create_task(lengths("a")), asyncio.create_task(lengths("bb"))
    await asyncio.sleep(0.01)
    first.cancel()
    service.held.set()
    assert await second == [2]
    assert (await asyncio.gather(first, return_exceptions=True))[0].__class__ is asyncio.CancelledError
