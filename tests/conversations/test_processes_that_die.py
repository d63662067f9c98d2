"""What people see when a web process, the model or the line dies in the middle of an answer."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from chatapp.conversations import services
from chatapp.conversations.models import Message, Turn
from retrieval.models import Document
from tests.conftest import Cast
from tests.conversations.model_double import ModelDouble
from tests.conversations.web import Client, Frame, Web, text_of
from tests.ingestion.fake_index import FakeIndex
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
    Turn.objects.filter(running=True).update(heartbeat_at=timezone.now() - services.DEAD_AFTER - timedelta(seconds=1))
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
    assert "api: double" in writers[1]["note"]
    message = Message.objects.get(pk=accepted["answer"])
    assert message.text.startswith("You have ") and "28 days" in message.text
    assert [w["from"] for w in message.written_by] == [0, len("You have ")]


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
        assert text_of([*socket.until("snapshot", 20)]).startswith(stored)
