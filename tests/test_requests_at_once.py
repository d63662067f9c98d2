"""A web process works on a bounded number of requests: what is over it is told to come again."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from chatapp.at_once import AtOnce

MOST = 20


class Work:
    """Requests that last until they are let go; one to /fails ends in an error."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.go_on = asyncio.Event()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self.begun.append(scope["path"])
        if scope["path"] == "/fails":
            raise RuntimeError("as it may be")
        await self.go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


class Door:
    def __init__(self, settings: Any) -> None:
        settings.REQUESTS_PER_PROCESS = MOST
        self.work = Work()
        self.at_once = AtOnce(self.work)

    async def knock(
        self, address: str, path: str = "/api/collections/", accept: str = "", method: str = "GET"
    ) -> dict[str, Any]:
        """-> the answer"""
        sent: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        accepted = [(b"accept", accept.encode())]
        headers = [*accepted, *([] if method == "GET" else [(b"content-length", b"60000")])]
        scope = {"type": "http", "path": path, "client": (address, 1), "headers": headers, "method": method}
        await self.at_once(scope, None, send)
        told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return {"status": sent[0]["status"], "headers": told, "body": sent[1]["body"].decode()}

    async def let_in(self, *addresses: str, **more: str) -> list[asyncio.Task[dict[str, Any]]]:
        tasks = [asyncio.create_task(self.knock(address, **more)) for address in addresses]
        await asyncio.sleep(0.01)
        return tasks


@pytest.fixture
def door(settings: Any) -> Door:
    return Door(settings)


async def test_more_than_there_are_places_for_are_told_to_come_again(door: Door) -> None:
    inside = await door.let_in(*(f"10.0.0.{number}" for number in range(MOST)))
    refused = await door.knock("10.0.1.1")
    assert refused["status"] == 503 and int(refused["headers"]["retry-after"]) >= 1
    error = json.loads(refused["body"])["error"]
    assert (error["code"], error["retryable"]) == ("busy", True)
    assert len(door.work.begun) == MOST
    door.work.go_on.set()
    assert [one["status"] for one in await asyncio.gather(*inside)] == [200] * MOST
    assert (await door.knock("10.0.1.1"))["status"] == 200


async def test_one_address_takes_no_more_than_half(door: Door) -> None:
    inside = await door.let_in(*["10.0.0.1"] * (MOST // 2))
    assert (await door.knock("10.0.0.1"))["status"] == 503
    network = [f"2001:db8::{number:x}" for number in range(MOST // 2)]  # of one household
    inside += await door.let_in(*network)
    assert (await door.knock("10.0.0.2"))["status"] == 503
    door.work.go_on.set()
    assert {one["status"] for one in await asyncio.gather(*inside)} == {200}
    door.work.go_on.clear()
    again = await door.let_in(*["10.0.0.1"] * (MOST // 2), *network)
    assert not any(one.done() for one in again)  # all places are free again
    door.work.go_on.set()
    await asyncio.gather(*again)


async def test_whoever_watches_is_answered_while_others_are_refused(door: Door) -> None:
    await door.let_in(*(f"10.0.0.{number}" for number in range(MOST)))
    watching = [asyncio.create_task(door.knock("10.0.0.1", path)) for path in ("/healthz", "/readyz", "/metrics")]
    await asyncio.sleep(0.01)
    assert door.work.begun[-3:] == ["/healthz", "/readyz", "/metrics"]
    assert (await door.knock("10.0.0.1", "/healthz/"))["status"] == 503
    door.work.go_on.set()
    assert [one["status"] for one in await asyncio.gather(*watching)] == [200] * 3


async def test_watching_has_places_of_its_own_of_which_one_address_has_a_part(door: Door) -> None:
    tasks = await door.let_in(*(["10.0.0.1"] * 11), path="/healthz")
    assert [one.result()["status"] for one in tasks if one.done()] == [503]
    tasks += await door.let_in(*(f"10.0.1.{number // 10}" for number in range(41)), path="/healthz")
    assert [one.result()["status"] for one in tasks if one.done()] == [503, 503]
    door.work.go_on.set()
    await asyncio.gather(*tasks)


async def test_bodies_that_arrive_slowly_take_no_place_of_who_watches(door: Door) -> None:
    slow = await door.let_in(*["10.0.0.1", "10.0.0.2"] * 25, path="/healthz", method="POST")
    assert sum(one.done() for one in slow) == 50 - MOST
    watching = await door.let_in("10.0.0.1", "10.0.0.3", path="/readyz")
    door.work.go_on.set()
    assert [one["status"] for one in await asyncio.gather(*watching)] == [200, 200]
    await asyncio.gather(*slow)


async def test_a_request_that_fails_or_whose_client_goes_away_frees_its_place(door: Door) -> None:
    for _ in range(MOST * 2):
        with pytest.raises(RuntimeError):
            await door.knock("10.0.0.1", "/fails")
        (task,) = await door.let_in("10.0.0.1")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    inside = await door.let_in(*["10.0.0.1", "10.0.0.2"] * (MOST // 2))
    assert not any(one.done() for one in inside)  # there is room for as many as ever
    door.work.go_on.set()
    await asyncio.gather(*inside)


async def test_a_person_gets_a_page_and_the_log_few_lines(door: Door) -> None:
    await door.let_in(*(f"10.0.0.{number}" for number in range(MOST)))
    with capture_logs() as logs:
        refused = [await door.knock("10.0.1.1", "/", "text/html") for _ in range(5)]
    assert [one["event"] for one in logs] == ["requests.too_many"]
    assert {one["status"] for one in refused} == {503} and "as many requests as it can" in refused[0]["body"]
    door.work.go_on.set()
