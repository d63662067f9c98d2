"""What people see when a web process, the model or the line dies in the middle of an answer."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone
from websockets.exceptions import ConnectionClosed

from chatapp.conversations import services
from chatapp.conversations.admission import DEAD_AFTER, SILENT_FOR
from chatapp.conversations.models import Message, Turn
from chatapp.conversations.takeover import LOOK_EVERY_S, MOST_TAKEOVERS
from retrieval.models import Document
from tests.conftest import Cast
from tests.conversations.conftest import PASSAGES
from tests.conversations.model_double import WORDS, ModelDouble
from tests.conversations.web import Client, Frame, Web, numbers_of, text_of
from tests.ingestion.fake_index import FakeIndex
from tests.redis_server import Redis
from tests.waiting import wait_until

StartWeb = Callable[..., Web]
FATES = Message.Status


@pytest.fixture
def start_web(folder: Path, index: FakeIndex, model: ModelDouble, transactional_db: None) -> Iterator[StartWeb]:
    started: list[Web] = []

    def start(redis_url: str = "", **environment: str) -> Web:
        process = Web(folder, index.url, model.url, redis_url, **environment)
        started.append(process)
        process.start()
        return process

    yield start
    model.gate.set()
    for process in started:
        process.end()


def half_an_answer(client: Client, model: ModelDouble) -> tuple[Frame, str]:
    """-> the accepted frame and the text that was stored; the answer is still being written."""
    model.pause_s = 0.1
    with client.socket() as socket:
        accepted = socket.ask("How many days of leave?")
        socket.until("text")
    wait_until(lambda: bool(Message.objects.get(pk=accepted["answer"]).text), 5)
    return accepted, Message.objects.get(pk=accepted["answer"]).text


def sweep_later() -> None:
    """As the worker does every 15 s, once the heart-beat of the dead process is old."""
    Turn.objects.filter(running=True).update(heartbeat_at=timezone.now() - DEAD_AFTER - timedelta(seconds=1))
    services.sweep()


def test_kill_9_of_the_web_process_leaves_the_text_marked_interrupted_and_it_can_be_continued(
    start_web: StartWeb, cast: Cast, handbook: Document, model: ModelDouble
) -> None:
    web = start_web()
    alice = Client(web, cast.alice)
    accepted, stored = half_an_answer(alice, model)
    web.end(signal.SIGKILL)
    sweep_later()
    message = Message.objects.get(pk=accepted["answer"])
    assert message.status == FATES.INTERRUPTED
    assert message.text.startswith(stored) and "".join(model.words).startswith(message.text)
    assert (message.error or {})["advice"] and message.sources and message.engine == "api: double"

    web.start()
    model.words, model.pause_s = ["the end."], 0.0
    with alice.socket() as socket:
        socket.resume(accepted["turn"])
        assert socket.receive()["message"]["status"] == "interrupted"
        socket.send({"type": "continue", "id": "b", "message": accepted["answer"]})
        socket.until("done")
    again = Message.objects.get(pk=accepted["answer"])
    assert (again.text, again.status) == (message.text + "the end.", FATES.COMPLETE)


def test_a_web_process_that_is_told_to_stop_stores_what_was_written_at_once(
    start_web: StartWeb, cast: Cast, handbook: Document, model: ModelDouble
) -> None:
    web = start_web()
    accepted, stored = half_an_answer(Client(web, cast.alice), model)
    web.end(signal.SIGTERM)
    message = Message.objects.get(pk=accepted["answer"])
    assert message.status == FATES.INTERRUPTED and message.text.startswith(stored)
    assert not Turn.objects.filter(running=True).exists()


def test_a_model_that_breaks_off_is_followed_by_the_quotes(
    start_web: StartWeb, cast: Cast, handbook: Document, model: ModelDouble
) -> None:
    model.words, model.cut_after = ["You ", "have ", "many."], 2
    alice = Client(start_web(), cast.alice)
    with alice.socket() as socket:
        accepted = socket.ask("How many days of leave?")
        frames = socket.until("done")
    writers = [f for f in frames if f["type"] == "writer"]
    assert [w["engine"] for w in writers] == ["api: double", "extractive"]
    assert writers[1]["note"] == "double broke off."
    message = Message.objects.get(pk=accepted["answer"])
    assert message.text.startswith("You have ") and "28 days" in message.text
    assert [w["from"] for w in message.written_by] == [0, len("You have ")]
    assert message.written_by[1]["note"] == "double broke off."  # also when the answer is opened again


def test_a_model_that_breaks_off_before_its_first_word_is_no_writer(
    start_web: StartWeb, cast: Cast, handbook: Document, model: ModelDouble
) -> None:
    model.cut_after = 0
    alice = Client(start_web(), cast.alice)
    with alice.socket() as socket:
        accepted = socket.ask("How many days of leave?")
        socket.until("done")
    assert Message.objects.get(pk=accepted["answer"]).written_by == [
        {"engine": "extractive", "from": 0, "note": "double broke off."}
    ]


def test_a_full_process_refuses_a_continuation_and_what_was_there_stays(
    start_web: StartWeb, cast: Cast, handbook: Document, model: ModelDouble
) -> None:
    web = start_web(CHATAPP_TURNS_PER_PROCESS="1")
    model.words, model.pause_s = ["28 days [1]. ", *model.words], 0.1
    alice, bob = Client(web, cast.alice), Client(web, cast.bob)
    with alice.socket() as socket, bob.socket() as other:
        accepted = socket.ask()
        socket.until("text")
        socket.send({"type": "stop", "turn": accepted["turn"]})
        assert "citations" in [frame["type"] for frame in socket.until("done")]
        before = alice.message(accepted)
        other.ask()
        socket.send({"type": "continue", "id": "b", "message": accepted["answer"]})
        refused = socket.until("error")[-1]
        assert (refused["id"], refused["code"]) == ("b", "busy")
        after = alice.message(accepted)
        assert after["status"] == "interrupted" and after["error"]["code"] == "busy"
        assert [after[key] for key in ("text", "citations", "sources")] == [
            before[key] for key in ("text", "citations", "sources")
        ]
        assert before["citations"]


def test_a_database_that_drops_every_connection_ends_no_answer_and_no_socket(
    start_web: StartWeb, cast: Cast, handbook: Document, model: ModelDouble
) -> None:
    alice = Client(start_web(PGAPPNAME="the web process"), cast.alice)
    model.pause_s = 0.1
    with alice.socket() as socket:
        accepted = socket.ask()
        socket.until("text")
        killed = 0
        for _ in range(3):
            with connection.cursor() as cursor:
                theirs = "FROM pg_stat_activity WHERE application_name = 'the web process'"
                cursor.execute(f"SELECT pg_terminate_backend(pid) {theirs}")
                killed += cursor.rowcount
            time.sleep(0.5)
        assert killed and socket.until("done")[-1]["status"] == "complete"
        assert Message.objects.get(pk=accepted["answer"]).text == "".join(model.words)
        socket.ask("And how many may be carried over?")
        socket.until("done")


@pytest.mark.redis
def test_a_redis_that_hangs_for_a_while_delays_frames_and_loses_none(
    start_web: StartWeb, own_redis: Redis, cast: Cast, handbook: Document, model: ModelDouble
) -> None:
    alice = Client(start_web(own_redis.url), cast.alice)
    model.pause_s = 0.05
    with alice.socket() as socket:
        socket.ask()
        seen = socket.until("text")
        own_redis.signal(signal.SIGSTOP)
        time.sleep(1.5)
        own_redis.signal(signal.SIGCONT)
        seen += socket.until("done")
    assert numbers_of(seen) == list(range(1, len(numbers_of(seen)) + 1))
    assert text_of(seen) == "".join(model.words)


@pytest.mark.redis
def test_a_redis_that_dies_ends_no_answer(
    start_web: StartWeb, own_redis: Redis, cast: Cast, handbook: Document, model: ModelDouble
) -> None:
    alice = Client(start_web(own_redis.url), cast.alice)
    model.pause_s = 0.05
    with alice.socket() as socket:
        accepted = socket.ask()
        socket.until("text")
        own_redis.end()
        wait_until(lambda: Message.objects.get(pk=accepted["answer"]).status == FATES.COMPLETE, 20)
    assert Message.objects.get(pk=accepted["answer"]).text == "".join(model.words)
    own_redis.start()
    wait_until(lambda: alice.get("/api/conversations/").status_code == 200, 10)
    with alice.socket() as socket:
        socket.resume(accepted["turn"])
        assert socket.until("snapshot")[-1]["message"]["text"] == "".join(model.words)
        socket.ask("And how many may be carried over?")
        assert socket.until("done")[-1]["status"] == "complete"


@pytest.mark.redis
def test_with_redis_an_answer_is_followed_and_stopped_through_another_web_process(
    start_web: StartWeb, redis_address: str, cast: Cast, handbook: Document, model: ModelDouble
) -> None:
    here, there = start_web(redis_address), start_web(redis_address)
    model.pause_s = 0.1
    with Client(here, cast.alice).socket() as first, Client(there, cast.alice).socket() as second:
        accepted = first.ask()
        assert second.until("accepted")[-1]["turn"] == accepted["turn"]
        second.resume(accepted["turn"])
        seen = second.until("text")
        second.send({"type": "stop", "turn": accepted["turn"]})
        rest = second.until("done", 5)
        assert rest[-1]["status"] == "stopped"
        assert text_of(first.until("done")) == text_of(seen + rest)


@pytest.mark.redis
def test_with_redis_what_a_killed_process_streamed_is_still_there(
    start_web: StartWeb, redis_address: str, cast: Cast, handbook: Document, model: ModelDouble
) -> None:
    here, there = start_web(redis_address), start_web(redis_address)
    accepted, stored = half_an_answer(Client(here, cast.alice), model)
    here.end(signal.SIGKILL)
    sweep_later()
    with Client(there, cast.alice).socket() as socket:
        socket.resume(accepted["turn"])
        *streamed, snapshot = socket.until("snapshot", 20)
    words_before_the_last = stored.rsplit(" ", 2)[0]  # that one may be stored a moment before it is streamed
    assert words_before_the_last and text_of(streamed).startswith(words_before_the_last)
    assert snapshot["message"]["text"].startswith(stored)


def take_over_and_follow(alice: Client, accepted: Frame, after: int) -> list[Frame]:
    with alice.socket() as socket:
        socket.resume(accepted["turn"], after)
        return socket.until("done", 30)


@pytest.mark.redis
def test_with_redis_another_process_takes_the_answer_over_from_the_text_shown(
    start_web: StartWeb, redis_address: str, cast: Cast, handbook: Document, model: ModelDouble
) -> None:
    here, there = start_web(redis_address), start_web(redis_address)
    model.pause_s = 0.1
    with Client(here, cast.alice).socket() as socket:
        accepted = socket.ask("How many days of leave?")
        seen = socket.until("text")
        time.sleep(1.5)
        here.end(signal.SIGKILL)
        with contextlib.suppress(ConnectionClosed):
            while True:
                seen.append(socket.receive())
    model.words, model.pause_s = ["the ", "end."], 0.0
    seen += take_over_and_follow(Client(there, cast.alice), accepted, numbers_of(seen)[-1])

    assert numbers_of(seen) == list(range(1, len(numbers_of(seen)) + 1))
    message = Message.objects.get(pk=accepted["answer"])
    assert (message.status, message.text) == (FATES.COMPLETE, text_of(seen))
    begun = message.text.removesuffix("the end.")
    assert begun and "".join(WORDS).startswith(begun)
    assert model.calls[-1]["messages"][-2] == {"role": "assistant", "content": begun}
    assert [writer["from"] for writer in message.written_by] == [0, len(begun)]
    assert message.written_by[1]["note"]
    assert Turn.objects.get(pk=accepted["turn"]).takeovers == 1


@pytest.mark.redis
def test_with_redis_a_process_that_is_told_to_stop_hands_its_answers_over(
    start_web: StartWeb, redis_address: str, cast: Cast, handbook: Document, model: ModelDouble
) -> None:
    here, there = start_web(redis_address), start_web(redis_address)
    accepted, stored = half_an_answer(Client(here, cast.alice), model)
    here.end(signal.SIGTERM)
    assert Message.objects.get(pk=accepted["answer"]).status == FATES.STREAMING
    seen = take_over_and_follow(Client(there, cast.alice), accepted, 0)
    message = Message.objects.get(pk=accepted["answer"])
    assert numbers_of(seen) == list(range(1, len(numbers_of(seen)) + 1))
    assert (message.status, message.text) == (FATES.COMPLETE, text_of(seen))
    assert message.text.startswith(stored) and message.text.endswith("".join(WORDS))


@pytest.mark.redis
def test_a_process_that_was_only_slow_writes_nothing_once_another_has_its_turn(
    start_web: StartWeb, redis_address: str, cast: Cast, handbook: Document, model: ModelDouble
) -> None:
    here, there = start_web(redis_address), start_web(redis_address)
    model.pause_s = 0.2
    with Client(there, cast.alice).socket() as follower:
        with Client(here, cast.alice).socket() as socket:
            accepted = socket.ask("How many days of leave?")
            socket.until("text")
        follower.resume(accepted["turn"])
        seen = follower.until("text")
        here.send(signal.SIGSTOP)
        wait_until(lambda: Turn.objects.get(pk=accepted["turn"]).takeovers == 1, 15)
        here.send(signal.SIGCONT)
        seen += follower.until("done", 30)
    assert numbers_of(seen) == list(range(1, len(numbers_of(seen)) + 1))
    message = Message.objects.get(pk=accepted["answer"])
    assert (message.status, message.text) == (FATES.COMPLETE, text_of(seen))
    assert message.text.endswith("".join(WORDS)) and len(message.written_by) == 2
    assert [frame["type"] for frame in seen].count("done") == 1


@pytest.mark.redis
def test_an_answer_that_was_taken_over_can_be_stopped_and_asks_only_what_may_still_be_read(
    start_web: StartWeb, redis_address: str, cast: Cast, handbook: Document, model: ModelDouble
) -> None:
    here, there = start_web(redis_address), start_web(redis_address)
    accepted, stored = half_an_answer(Client(here, cast.alice), model)
    here.end(signal.SIGKILL)
    handbook.collection.readers.clear()
    with Client(there, cast.alice).socket() as socket:
        socket.resume(accepted["turn"])
        wait_until(lambda: Turn.objects.get(pk=accepted["turn"]).takeovers == 1, 15)
        wait_until(lambda: len(model.calls) == 2, 5)
        socket.send({"type": "stop", "turn": accepted["turn"]})
        frames = socket.until("done")
    assert frames[-1]["status"] == "stopped" and text_of(frames).startswith(stored)
    assert [len(frame["sources"]) for frame in frames if frame["type"] == "sources"] == [2, 0]
    assert PASSAGES[0] not in str(model.calls[-1])


@pytest.mark.redis
def test_an_answer_that_brings_down_each_process_ends_as_interrupted(
    start_web: StartWeb, redis_address: str, cast: Cast, handbook: Document, model: ModelDouble
) -> None:
    here, _there = start_web(redis_address), start_web(redis_address)
    accepted, stored = half_an_answer(Client(here, cast.alice), model)
    here.end(signal.SIGKILL)
    Turn.objects.filter(running=True).update(takeovers=MOST_TAKEOVERS)
    time.sleep(SILENT_FOR.total_seconds() + 2 * LOOK_EVERY_S)
    assert len(model.calls) == 1
    sweep_later()
    message = Message.objects.get(pk=accepted["answer"])
    assert message.status == FATES.INTERRUPTED and message.text.startswith(stored)
