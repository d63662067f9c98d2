"""A body that does not come holds nothing for long, and who sends slowly keeps nobody else out."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from chatapp import arrivals, bodies
from chatapp.arrivals import Arrival, Arrivals, TooManyBodies

PERSON = [(b"cookie", b"sessionid=alice")]


class Request:
    """One whose body stops after so many bytes, or is whole at once."""

    def __init__(self, limit: Any, *, came: int = 0, whole: bool = False, address: str = "", headers: Any = ()) -> None:
        self.sent: list[dict[str, Any]] = []
        self.parts = [{"type": "http.request", "body": b"x" * came, "more_body": not whole}]
        client = (address or "203.0.113.1", 1)
        scope = {"method": "POST", "path": "/", "headers": [(b"content-length", b"60000"), *headers], "client": client}
        self.task = asyncio.create_task(limit(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        return self.parts.pop() if self.parts else await asyncio.sleep(60, {"type": "http.disconnect"})

    async def _send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    async def answer(self) -> tuple[int, str]:
        await self.task
        return self.sent[0]["status"], json.loads(self.sent[1]["body"])["error"]["code"]


class Application:
    """Reads the body, and answers once `done` is set."""

    def __init__(self) -> None:
        self.done = asyncio.Event()
        self.read = 0

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        self.read += 1
        await self.done.wait()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not holds():
            await asyncio.sleep(0.01)


def ended(requests: Iterable[Request]) -> int:
    return sum(one.task.done() for one in requests)


@asynccontextmanager
async def ending(*requests: Request) -> Any:
    try:
        yield requests
    finally:
        for one in requests:
            one.task.cancel()
        await asyncio.gather(*(one.task for one in requests), return_exceptions=True)


@pytest.fixture(autouse=True)
def people(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whoever has a session is somebody."""
    monkeypatch.setattr(bodies, "_whose", lambda headers: headers.get(b"cookie", b"").decode())
    yield


async def test_a_body_that_comes_too_slowly_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "GRACE_S", 0.1)
    begun = time.monotonic()
    assert await Request(bodies.BodyLimit(Application()), came=800, headers=PERSON).answer() == (408, "too_slow")
    assert 0.1 < time.monotonic() - begun < 5


async def test_a_stranger_is_waited_for_less_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "STRANGERS_GRACE_S", 0.1)
    begun = time.monotonic()
    assert await Request(bodies.BodyLimit(Application())).answer() == (408, "too_slow")
    assert time.monotonic() - begun < 5


async def test_silent_strangers_keep_no_stranger_and_no_person_out() -> None:
    application = Application()
    limit = bodies.BodyLimit(application)
    silent = [Request(limit, address=f"198.51.{n // 200}.{n % 200}") for n in range(500)]
    async with ending(*silent):
        await until(lambda: ended(silent) == 500 - arrivals.MOST_OF_STRANGERS)
        assert await silent[0].answer() == (408, "too_slow")
        form, question = Request(limit, whole=True), Request(limit, whole=True, headers=PERSON)
        async with ending(form, question):
            await until(lambda: application.read == 2)
            application.done.set()
            await asyncio.gather(form.task, question.task)
            assert not form.sent and not question.sent, "nothing but the application answered them"


async def test_one_address_gives_up_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = bodies.BodyLimit(Application())
    other = Request(limit, address="203.0.113.9")
    many = [Request(limit, address=f"2001:db8::{n:x}") for n in range(arrivals.MOST_OF_ADDRESS + 10)]
    async with ending(other, *many):
        await until(lambda: ended(many) == 10)
        await asyncio.sleep(0.1)
        assert ended(many) == 10 and many[0].task.done() and not other.task.done()


async def test_one_person_leaves_room_for_others() -> None:
    limit = bodies.BodyLimit(application := Application())
    first = [Request(limit, headers=PERSON) for _ in range(400)]
    async with ending(*first):
        await until(lambda: 400 - ended(first) <= arrivals.MOST_OF_PERSON + arrivals.MOST_OF_ADDRESS)
        other = Request(limit, whole=True, headers=[(b"cookie", b"sessionid=bob")])
        async with ending(other):
            await until(lambda: application.read == 1)


async def test_long_answers_to_one_address_keep_nobody_there_out() -> None:
    """A gateway with keys, and people behind the same address who have not signed in yet."""
    limit = bodies.BodyLimit(application := Application())
    many = [Request(limit, whole=True, headers=PERSON) for _ in range(arrivals.MOST_OF_ADDRESS + 1)]
    async with ending(*many):
        await until(lambda: application.read == len(many))
        form = Request(limit, whole=True)
        async with ending(form):
            await until(lambda: application.read == len(many) + 1)
            assert not ended(many) and not any(one.sent for one in [*many, form])


async def test_silent_strangers_at_ones_own_address_keep_nobody_with_a_key_out() -> None:
    limit = bodies.BodyLimit(application := Application())
    silent = [Request(limit) for _ in range(arrivals.MOST_OF_ADDRESS)]
    async with ending(*silent):
        await asyncio.sleep(0.1)
        known = [Request(limit, whole=True, headers=PERSON) for _ in range(arrivals.MOST_OF_ADDRESS)]
        async with ending(*known):
            await until(lambda: application.read == len(known))
            assert not ended(silent) and not ended(known)


class Slow:
    given_up = False

    def give_up(self) -> None:
        self.given_up = True


def test_where_all_that_arrive_are_of_people_no_more_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "MOST", 3)
    here = Arrivals()
    stranger, alice = Arrival(Slow(), "198.51.100.1"), Arrival(Slow(), "", "alice")
    for one in (stranger, alice, Arrival(Slow(), "", "bob"), Arrival(Slow(), "", "charlie")):
        here.take(one)
    assert stranger.body.given_up  # type: ignore[attr-defined]
    with pytest.raises(TooManyBodies):
        here.take(Arrival(Slow(), "", "dana"))
    here.free(alice)
    here.take(Arrival(Slow(), "", "dana"))


def test_whose_a_body_is_matters_before_an_address_has_all_that_it_may() -> None:
    here = Arrivals()
    taken = 0
    while not here.must_know():
        here.take(Arrival(Slow(), "198.51.100.1"))
        taken += 1
    assert 0 < taken < arrivals.MOST_OF_ADDRESS
    here.take(Arrival(Slow(), "198.51.100.1", "alice"))
    assert here.must_know()
