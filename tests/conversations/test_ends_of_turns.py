"""How turns end where a Stop, a stream or a database comes at a bad moment: within one process, step by step."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, transaction
from django.utils import timezone

from chatapp import asgi
from chatapp.conversations import services, takeover, turns
from chatapp.conversations.admission import SILENT_FOR, Question, Started, ask_all
from chatapp.conversations.models import Conversation, Message, Turn
from chatapp.conversations.outcomes import recorder
from chatapp.conversations.stream import StreamAway, redis_errors, turn_stream
from chatapp.database import in_database
from chatapp.errors import Busy
from chatapp.governance.later import later_lines
from chatapp.privacy import erasure
from tests.conftest import Cast


def asked(cast: Cast) -> Started:
    (started,) = ask_all([Question(cast.alice, "How many days of leave?")])
    assert isinstance(started, Started)
    return started


def fate(started: Started) -> str:
    assert not Turn.objects.get(pk=started.turn).running
    return Message.objects.get(pk=started.answer).status


def slowly(work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def slow(*values: Any, **named: Any) -> Any:
        await asyncio.sleep(0.1)
        return await work(*values, **named)

    return slow


def test_a_stop_before_the_first_step_of_a_turn_stops_it(cast: Cast) -> None:
    started = asked(cast)

    async def run() -> None:
        turn = await turns.launch(started)
        turns.stop(started.turn)
        assert turn.task is not None
        await turn.task

    asyncio.run(run())
    assert fate(started) == Message.Status.STOPPED


def test_a_stop_while_the_first_frame_is_sent_stops_it(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    started, found = asked(cast), list[str]()

    async def search(*_: Any, **__: Any) -> list[Any]:
        found.append("searched")
        return []

    async def run() -> None:
        monkeypatch.setattr(turn_stream(), "append", slowly(turn_stream().append))
        launching = asyncio.create_task(turns.launch(started))
        await asyncio.sleep(0.02)
        turns.stop(started.turn)
        turn = await launching
        assert turn.task is not None
        await turn.task

    monkeypatch.setattr(turns, "asearch_passages", search)
    asyncio.run(run())
    assert fate(started) == Message.Status.STOPPED and not found


def test_a_stop_while_a_turn_is_handed_over_leaves_it_no_turn_without_a_fate(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = asked(cast)

    def leave(_: object) -> bool:
        time.sleep(0.2)
        raise OperationalError("away")

    async def run() -> None:
        turn = await turns.launch(started)
        await asyncio.sleep(0.02)
        turn.leaving = True
        turn.cancel()
        await asyncio.sleep(0.05)
        turns.stop(started.turn)
        assert turn.task is not None
        await turn.task

    monkeypatch.setattr(turns, "asearch_passages", lambda *_, **__: asyncio.sleep(10))
    monkeypatch.setattr(services, "leave_turn", leave)
    asyncio.run(run())
    assert fate(started) == Message.Status.STOPPED


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
def stream(request: pytest.FixtureRequest, settings: Any) -> Iterator[None]:
    """One of this test's own."""
    settings.REDIS_URL = "" if request.param == "memory" else request.getfixturevalue("redis_url")
    for kept in (turn_stream, redis_errors):
        kept.cache_clear()
    yield
    settings.REDIS_URL = ""
    for kept in (turn_stream, redis_errors):
        kept.cache_clear()


def close(started: Started) -> None:
    services.delete_conversation(conversation=Conversation.objects.get(pk=started.conversation))


def erase(started: Started) -> None:
    erasure.erase(started.asker)


@pytest.mark.parametrize(
    ("temporary", "go"), [(True, close), (False, close), (False, erase)], ids=["closed", "deleted", "erased"]
)
def test_what_a_turn_writes_until_it_notices_that_it_is_gone_does_not_stay(
    cast: Cast, stream: None, monkeypatch: pytest.MonkeyPatch, temporary: bool, go: Callable[[Started], None]
) -> None:
    (started,) = ask_all([Question(cast.alice, "How many days of leave?", temporary=temporary)])
    assert isinstance(started, Started)
    monkeypatch.setattr(turns, "asearch_passages", lambda *_, **__: asyncio.sleep(30))

    async def run() -> None:
        frames = turn_stream()
        turn = await turns.launch(started)
        assert await frames.holds(started.turn, 0)
        deleted = asyncio.ensure_future(in_database(go)(started))
        while not deleted.done() and turn.task is not None and not turn.task.done():
            turn.write("28 days ")
            await asyncio.sleep(0.01)
        await deleted
        turn.write("of leave")
        await turn.outbox.send()
        assert turn.task is not None
        await turn.task
        turn.write("a year")
        assert await turn.outbox.send() and not await frames.holds(started.turn, 2**31)

    asyncio.run(asyncio.wait_for(run(), 20))
    assert not Turn.objects.exists()


@pytest.mark.parametrize("temporary", [True, False])
def test_frames_go_once_the_rows_of_their_conversation_are_gone(cast: Cast, stream: None, temporary: bool) -> None:
    """Where deleting is rolled back they are still there."""
    (started,) = ask_all([Question(cast.alice, "How many days of leave?", temporary=temporary)])
    assert isinstance(started, Started)

    async def add() -> None:
        await turn_stream().append(started.turn, [{"type": "text", "seq": 1, "text": "28"}], final=True)

    async def held() -> bool:
        return await turn_stream().holds(started.turn, 0)

    with asyncio.Runner() as runner:
        runner.run(add())
        with pytest.raises(OperationalError), transaction.atomic():
            close(started)
            raise OperationalError("away")
        assert runner.run(held())
        close(started)
        assert not runner.run(held())


class Stream:
    """Redis, away for some of the turns."""

    def __init__(self, away: set[UUID]) -> None:
        self.away = away

    async def take_over(self, turn: UUID, takeovers: int) -> list[Any]:
        if turn in self.away:
            raise StreamAway
        return []


@pytest.mark.parametrize("trouble", ["the stream is away", "there is no room", "the process ends"])
def test_a_dead_turn_that_could_not_be_tried_is_as_it_was_and_holds_no_other_up(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    first, second = asked(cast), asked(cast)
    now = timezone.now() + timedelta(hours=1)  # here alone: for web processes of other tests they live
    monkeypatch.setattr(takeover, "timezone", SimpleNamespace(now=lambda: now))
    silent_since = now - SILENT_FOR - timedelta(seconds=2)
    Turn.objects.filter(pk=first.turn).update(heartbeat_at=silent_since)
    Turn.objects.filter(pk=second.turn).update(heartbeat_at=silent_since + timedelta(seconds=1))
    launched: list[UUID] = []

    async def launch(turn: Started, **_: Any) -> None:
        if turn.turn == first.turn:
            if trouble == "there is no room":
                raise Busy
            await asyncio.sleep(10)
        launched.append(turn.turn)
        monkeypatch.setattr(takeover, "LOOK_EVERY_S", 60.0)  # what one look leaves is looked at

    async def look() -> None:
        looking = asyncio.create_task(takeover.look_after_the_dead())
        while second.turn not in launched or (trouble != "the process ends" and await in_database(takeovers)(first)):
            await asyncio.sleep(0.01)
        looking.cancel()
        await asyncio.wait([looking], timeout=20)

    away = {first.turn} if trouble == "the stream is away" else set()
    monkeypatch.setattr(takeover, "turn_stream", lambda: Stream(away))
    monkeypatch.setattr(turns, "launch", launch)
    monkeypatch.setattr(takeover, "LOOK_EVERY_S", 0.2)
    asyncio.run(asyncio.wait_for(look(), 30))
    row = Turn.objects.get(pk=first.turn)
    assert (row.takeovers, row.heartbeat_at, row.running) == (0, silent_since, True)
    assert Turn.objects.get(pk=second.turn).takeovers == 1


def takeovers(started: Started) -> int:
    return Turn.objects.get(pk=started.turn).takeovers


async def _life(events: list[str]) -> None:
    """A web process that starts and is told to end."""
    told = iter(("startup", "shutdown"))

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.05)
        return {"type": f"lifespan.{next(told)}"}

    async def send(message: dict[str, Any]) -> None:
        events.append(message["type"])

    await asgi.lifespan({}, receive, send)


def test_a_process_that_ends_takes_no_turn_over_behind_the_end_of_its_turns(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    events: list[str] = []

    async def look() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(0.05)
            events.append("looked")

    async def interrupt_all() -> None:
        events.append("interrupted")

    async def flush() -> None:
        events.append("recorded")

    async def flush_lines() -> None:
        events.append("audited")

    settings.REDIS_URL = "redis://127.0.0.1:1"
    monkeypatch.setattr(asgi, "look_after_the_dead", look)
    monkeypatch.setattr(turns, "interrupt_all", interrupt_all)
    monkeypatch.setattr(recorder(), "flush", flush)
    monkeypatch.setattr(later_lines(), "flush", flush_lines)
    asyncio.run(_life(events))
    steps = ["looked", "interrupted", "recorded", "audited"]
    assert events == ["lifespan.startup.complete", *steps, "lifespan.shutdown.complete"]


def test_a_database_that_hangs_does_not_hold_up_the_end_of_a_process(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    events: list[str] = []
    settings.REDIS_URL = ""
    monkeypatch.setattr(recorder(), "flush", lambda: asyncio.sleep(60))
    monkeypatch.setattr(later_lines(), "flush", lambda: asyncio.sleep(60))
    begun = time.monotonic()
    asyncio.run(asyncio.wait_for(_life(events), 6))
    assert events[-1] == "lifespan.shutdown.complete" and time.monotonic() - begun < 5
