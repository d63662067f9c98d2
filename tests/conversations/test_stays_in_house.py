"""What must stay in the house reaches no endpoint outside and no log, whatever else fails.

Each position of an outside endpoint is proved twice: a question of a free collection does reach it there, one of a
collection that stays in the house does not, and is answered all the same.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.utils import timezone

from chatapp.accounts.keys import create_key
from chatapp.conversations.models import Message
from inference.models import Candidate, ModelVersion, Rollout, Route
from retrieval.models import Collection, Document, Passage
from tests.conftest import Cast, signed_in_client
from tests.conversations.model_double import ModelDouble
from tests.conversations.model_process import TOKEN, ModelProcess, install
from tests.conversations.recording_endpoint import RecordingEndpoint
from tests.conversations.web import Client, Frame, Web, text_of
from tests.ingestion.fake_index import FakeIndex
from tests.provider_double import Provider, Reply, line, providers
from tests.tiny_gguf import quoting_model
from tests.waiting import wait_until

PASSAGE, ASKED, ANSWERED = "Zebrafalter", "Quastenflosser", "Nachtkauz"  # what no endpoint outside may see
MARKERS = (PASSAGE, ASKED, ANSWERED, "secret.md", "Vault")
FREE = "Offenwort"
SECRET_QUESTION, FREE_QUESTION = f"Where does the {ASKED} live?", f"What does {FREE} mean?"
OUTSIDE = "Written outside."
_numbers = count(1)


@dataclass
class House:
    """A web process, what is inside and outside, and the two collections."""

    web: Web
    outside: RecordingEndpoint
    inside: ModelDouble
    index: FakeIndex
    client: Client
    free: Document
    secret: Document
    key: str
    log_begins: int

    # -- who answers ---------------------------------------------------------------------------------------------------
    def version(self, url: str = "", *, outside: bool = False) -> ModelVersion:
        """A new one each time: what the web process knows of an endpoint outlasts a test."""
        name = f"{'outside' if outside else 'inside'}-{next(_numbers)}"
        address = url or (self.outside.url if outside else self.inside.url)
        return ModelVersion.objects.create(name=name, kind="openai", base_url=address, model="m", outside=outside)

    def route(self, *candidates: ModelVersion | dict[str, Any], **values: Any) -> Route:
        route = Route.objects.create(name=f"route-{next(_numbers)}", default=True, **values)
        for position, one in enumerate(candidates, start=1):
            given = one if isinstance(one, dict) else {"version": one}
            Candidate.objects.create(route=route, **{"position": position, **given})
        return route

    def inside_then_outside(self, url: str = "", **values: Any) -> Route:
        """Each kind of question has an inside endpoint of its own, so that what one did to it does not matter."""
        return self.route(
            {"version": self.version(url), "sensitivity": "free"},
            {"version": self.version(url), "sensitivity": "in_house"},
            self.version(outside=True),
            **values,
        )

    def in_force(self) -> None:
        """Once the web process has read the routes."""
        versions = ModelVersion.objects.filter(kind="openai")
        wanted = {f"{'api' if one.outside else 'house'}: {one.name}" for one in versions} or {"api: double"}
        wait_until(lambda: wanted == self._endpoints(), 20)

    def _endpoints(self) -> set[str]:
        engines = self.client.get("/api/engines/").json()["engines"]
        return {one["name"] for one in engines if one["name"].startswith(("api", "house"))}

    # -- questions -----------------------------------------------------------------------------------------------------
    def finds(self, *documents: Document) -> None:
        passages = Passage.objects.filter(document__in=documents)
        self.index.hits = [{"passage_id": one.pk, "score": 0.9, "dense": 0.8, "lexical": 5.0} for one in passages]

    def ask(self, question: str, *found: Document, **values: Any) -> Answer:
        self.finds(*found)
        return self.sent({"type": "ask", "id": "a", "text": question, **values})

    def follow(self, before: Answer, question: str, *found: Document, **values: Any) -> Answer:
        place = {"conversation": before.accepted["conversation"], "parent": before.accepted["answer"]}
        return self.ask(question, *found, **place, **values)

    def sent(self, frame: Frame) -> Answer:
        with self.client.socket() as socket:
            socket.send(frame)
            accepted = socket.until("accepted")[-1]
            return Answer(accepted, socket.until("done", 30))

    def over_the_api(self, *messages: tuple[str, str], model: str = "", found: tuple[Document, ...] = ()) -> Any:
        self.finds(*found)
        said = [{"role": role, "content": text} for role, text in messages]
        headers = {"Authorization": f"Bearer {self.key}"}
        with httpx.Client(trust_env=False, timeout=30) as client:
            body = {"model": model, "messages": said}
            answer = client.post(f"{self.web.url}/v1/chat/completions", json=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    # -- what is proved ------------------------------------------------------------------------------------------------
    def is_reached_by_the_free_question(self) -> None:
        """Otherwise the test would prove nothing."""
        self.outside.forget()
        answer = self.ask(FREE_QUESTION, self.free)
        assert answer.text.endswith(OUTSIDE) and answer.status == "complete", answer.frames
        assert self.outside.asked and self.outside.holds(FREE)

    def nothing_left(self) -> None:
        kept = {
            "the endpoint": self.outside.holds,
            "the log": lambda word: word.lower() in self.logged().lower(),
            "the metrics": lambda word: word.lower() in self._metrics().lower(),
        }
        assert not [(word, where) for where, holds in kept.items() for word in MARKERS if holds(word)]

    def logged(self) -> str:
        """In this test."""
        return self.web.log.read_bytes()[self.log_begins :].decode("utf-8", "replace")

    def _metrics(self) -> str:
        with httpx.Client(trust_env=False) as client:
            answer = client.get(f"{self.web.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200
        return answer.text


@dataclass(frozen=True)
class Answer:
    accepted: Frame
    frames: list[Frame]

    @property
    def text(self) -> str:
        return text_of(self.frames)

    @property
    def status(self) -> str:
        return str(self.frames[-1]["status"])

    @property
    def engine(self) -> str:
        return str(self.frames[-1]["engine"])

    def is_quoted(self) -> bool:
        """By the extractive engine, from the passage."""
        return self.status == "complete" and self.engine == "extractive" and PASSAGE in self.text


# -- what is there -----------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def recording() -> Iterator[RecordingEndpoint]:
    endpoint = RecordingEndpoint()
    yield endpoint
    endpoint.stop()


@pytest.fixture(scope="module")
def model_process(django_db_setup: None) -> Iterator[ModelProcess]:
    with tempfile.TemporaryDirectory(prefix="fn-house-") as folder:
        process = ModelProcess(Path(folder), CHATAPP_LOG_LEVEL="DEBUG")
        yield process
        process.end()


StartWeb = Callable[..., Web]


@pytest.fixture(scope="module")
def start_web(
    django_db_setup: None,
    django_db_blocker: Any,
    index_double: FakeIndex,
    recording: RecordingEndpoint,
    model_process: ModelProcess,
) -> Iterator[StartWeb]:
    """What obeys HTTP_PROXY goes by the recording endpoint, as by a company's proxy that is outside."""
    started: list[Web] = []
    proxy = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), recording.address)

    def start(redis_url: str = "") -> Web:
        settings_of_it = {
            "MODEL_SERVICE_URLS": model_process.url,
            "CHATAPP_INTERNAL_TOKEN": TOKEN,
            "CHATAPP_LOG_LEVEL": "DEBUG",
            "INFERENCE_RETRIES": "1",
            "INFERENCE_FIRST_TOKEN_TIMEOUT": "5",
            "INFERENCE_BETWEEN_TOKENS_TIMEOUT": "5",
            "NO_PROXY": "",
            "no_proxy": "",
        }
        folder = tempfile.mkdtemp(prefix="fn-house-web-", dir=model_process.socket.parent)
        started.append(Web(Path(folder), index_double.url, recording.url, redis_url, **settings_of_it, **proxy))
        started[-1].start()
        return started[-1]

    yield start
    for process in started:
        process.end()
        assert "Traceback" not in process.log.read_text(errors="replace")


@pytest.fixture(scope="module")
def running_web(start_web: StartWeb) -> Web:
    return start_web()


@pytest.fixture
def house(web: Web, recording: RecordingEndpoint, model: ModelDouble, index: FakeIndex, cast: Cast) -> House:
    recording.forget()
    free = _document("Handbook", "free.md", f"{FREE} means that everybody may know it.")
    secret = _document("Vault", "secret.md", f"The {ASKED} lives beside the {PASSAGE}.")
    Collection.objects.filter(pk=secret.collection_id).update(stays_in_house=True)
    key = create_key(user=cast.alice, name="test")
    model.words = ["Only the ", f"{ANSWERED} ", "knows it."]
    return House(web, recording, model, index, Client(web, cast.alice), free, secret, key, web.log.stat().st_size)


def _document(collection: str, name: str, text: str) -> Document:
    home = Collection.objects.create(name=collection)
    home.readers.set(Group.objects.all())
    ready = {"status": "ready", "ready_at": timezone.now()}
    document = Document.objects.create(collection=home, name=name, size=1, sha256=f"{next(_numbers):064}", **ready)
    Passage.objects.create(document=document, ordinal=0, text=text)
    return document


@pytest.fixture(scope="module")
def doubles() -> Iterator[Any]:
    with providers() as some:
        yield some


@pytest.fixture
def provider(doubles: Any) -> Provider:
    """An inside endpoint that misbehaves as told."""
    made: Provider = doubles.new()
    return made


# -- positions ---------------------------------------------------------------------------------------------------------
def test_where_the_model_is_down(house: House) -> None:
    house.in_force()
    assert house.ask(SECRET_QUESTION, house.secret).is_quoted()
    house.nothing_left()
    house.is_reached_by_the_free_question()


def test_where_the_model_breaks_off_in_the_middle(house: House) -> None:
    house.inside_then_outside()
    house.in_force()
    house.inside.cut_after = 2
    answer = house.ask(SECRET_QUESTION, house.secret)
    assert answer.is_quoted() and answer.text.startswith(f"Only the {ANSWERED} ")
    house.nothing_left()
    house.inside.words = ["Free ", "words ", "follow."]
    house.is_reached_by_the_free_question()
    assert house.outside.holds("Free words "), "it goes on from what was shown"


def test_where_the_model_is_tried_again(house: House, provider: Provider) -> None:
    provider.script = ["503"]
    house.inside_then_outside(provider.url)
    house.in_force()
    assert house.ask(SECRET_QUESTION, house.secret).is_quoted()
    assert len(provider.calls) == 2
    house.nothing_left()
    house.is_reached_by_the_free_question()


def test_where_the_first_text_is_late_and_others_are_asked_as_well(house: House) -> None:
    house.inside_then_outside(hedge_after_ms=100)
    house.in_force()
    house.inside.gate.clear()
    opening = threading.Timer(1.0, house.inside.gate.set)
    opening.start()
    answer = house.ask(SECRET_QUESTION, house.secret)
    opening.join()
    assert answer.text == "".join(house.inside.words) and answer.engine.startswith("house: inside")
    house.nothing_left()
    house.inside.gate.clear()
    house.is_reached_by_the_free_question()


def test_where_everybody_is_served_by_a_new_version_that_is_outside(house: House) -> None:
    current = house.version()
    Rollout.objects.create(route=house.route(current), current=current, new=house.version(outside=True), share=100)
    house.in_force()
    answer = house.ask(SECRET_QUESTION, house.secret)
    assert answer.text == "".join(house.inside.words) and answer.engine == f"house: {current.name}"
    house.nothing_left()
    house.is_reached_by_the_free_question()
    house.outside.forget()
    house.inside.cut_after = 1
    assert house.ask(f"And the {ASKED}?", house.secret).is_quoted()
    assert not house.outside.asked
    house.nothing_left()


def test_where_an_outside_endpoint_is_set_for_what_stays_in_the_house(house: House) -> None:
    house.route(
        {"version": house.version(outside=True), "sensitivity": "in_house"},
        {"version": house.version(outside=True), "share": 1000, "position": 2},
        {"version": house.version(f"{house.inside.url}/nowhere"), "share": 1, "position": 2},
    )
    house.in_force()
    house.inside.cut_after = 0
    assert house.ask(SECRET_QUESTION, house.secret).is_quoted()
    house.nothing_left()
    house.is_reached_by_the_free_question()


def test_where_a_program_names_the_outside_endpoint_or_a_route_to_it(house: House) -> None:
    outside = house.version(outside=True)
    house.route(outside)
    house.in_force()
    for model in (f"api: {outside.name}", "default"):
        answer = house.over_the_api(("user", SECRET_QUESTION), model=model, found=(house.secret,))
        assert answer["engine"] == "extractive" and PASSAGE in answer["choices"][0]["message"]["content"]
    house.nothing_left()
    answer = house.over_the_api(("user", FREE_QUESTION), model=f"api: {outside.name}", found=(house.free,))
    assert answer["choices"][0]["message"]["content"] == OUTSIDE and house.outside.holds(FREE)


def test_an_inside_endpoint_that_sends_on_to_an_outside_one_is_not_followed(house: House, provider: Provider) -> None:
    provider.script = [Reply(307, headers={"Location": f"{house.outside.url}/chat/completions"})]
    house.inside_then_outside(provider.url)
    house.in_force()
    assert house.ask(SECRET_QUESTION, house.secret).is_quoted()
    assert provider.calls and not house.outside.asked
    house.nothing_left()


def test_what_an_inside_endpoint_repeats_in_its_errors_reaches_no_log(house: House, doubles: Any) -> None:
    said = f"unsupported: {PASSAGE} {ASKED} {ANSWERED}"
    error: dict[str, Any] = {"error": {"message": said, "code": "bad"}}
    replies = (
        Reply(400, error),
        Reply(400, {"error": {"message": f"temperature is {said}"}}),
        Reply(422, error),
        Reply(503, error),
        Reply(200, parts=(line({"choices": [{"delta": {"refusal": said}}]}),)),
        Reply(200, parts=(line(error),)),
        Reply(200, parts=(f"data: {said}\n\n".encode(),)),
        Reply(200, parts=(line({"choices": said}),)),
        Reply(200, parts=(line({"choices": [{"delta": {"content": [said]}}]}),)),
    )
    versions = []
    for reply in replies:
        provider = doubles.new()
        provider.script = [reply]
        versions.append(house.version(provider.url))
    house.route(*versions)
    house.in_force()
    assert house.ask(SECRET_QUESTION, house.secret).is_quoted()
    assert all(f"house: {one.name}" in house.logged() for one in versions), "each was asked"
    house.nothing_left()


# -- conversations -----------------------------------------------------------------------------------------------------
@pytest.fixture
def told(house: House) -> tuple[House, Answer]:
    """Alice was answered inside from what stays in the house; from now on the inside endpoint is down."""
    house.inside_then_outside()
    house.in_force()
    answer = house.ask(SECRET_QUESTION, house.secret)
    assert ANSWERED in answer.text and answer.engine.startswith("house: ")
    house.inside.cut_after = 0
    return house, answer


def test_a_question_that_follows_carries_nothing_out(told: tuple[House, Answer]) -> None:
    house, answer = told
    for found in ((), (house.free,)):
        after = house.follow(answer, "And why?", *found)
        assert after.engine == "extractive" and after.status == "complete"
    house.nothing_left()
    house.is_reached_by_the_free_question()


def test_a_long_conversation_forgets_nothing(told: tuple[House, Answer]) -> None:
    house, answer = told
    house.inside.cut_after = None
    for _ in range(7):
        answer = house.follow(answer, "And then?", house.free)
        assert ANSWERED in answer.text
    house.inside.cut_after = 0
    assert house.follow(answer, "What was that?", house.free).engine == "extractive"
    house.nothing_left()
    house.is_reached_by_the_free_question()


def test_an_answer_written_again_keeps_the_question_inside(told: tuple[House, Answer]) -> None:
    house, answer = told
    regenerate = {"type": "regenerate", "id": "r", "message": answer.accepted["answer"]}
    house.finds(house.secret)
    assert house.sent(regenerate).is_quoted()
    house.finds(house.free)
    assert house.sent(regenerate).engine == "extractive", "the question was asked of what stays in the house"
    house.secret.delete()
    assert house.sent(regenerate).engine == "extractive"
    house.nothing_left()
    house.is_reached_by_the_free_question()


def test_an_answer_that_is_continued_stays(told: tuple[House, Answer]) -> None:
    house, _ = told
    house.inside.cut_after, house.inside.pause_s = None, 0.2
    house.finds(house.secret)
    with house.client.socket() as socket:
        accepted = socket.ask(f"What of the {ASKED} and the {PASSAGE}?")  # the other question's answer was kept
        wait_until(lambda: ANSWERED in text_of(socket.until("text")), 10)
        socket.send({"type": "stop", "turn": accepted["turn"]})
        assert socket.until("done")[-1]["status"] == "stopped"
    house.inside.cut_after = 0
    house.finds(house.free)
    continued = house.sent({"type": "continue", "id": "c", "message": accepted["answer"]})
    assert continued.engine == "extractive" and continued.status == "complete"
    house.nothing_left()
    house.is_reached_by_the_free_question()


def test_an_answer_that_goes_on_after_its_passages_were_lost_stays(house: House) -> None:
    house.inside_then_outside()
    house.in_force()
    house.inside.pause_s = 0.2
    house.finds(house.secret)
    with house.client.socket() as socket:
        accepted = socket.ask(SECRET_QUESTION)
        wait_until(lambda: ANSWERED in text_of(socket.until("text")), 10)
        socket.send({"type": "stop", "turn": accepted["turn"]})
        socket.until("done")
    house.inside.pause_s = 0
    house.secret.collection.readers.clear()
    house.finds()
    house.sent({"type": "continue", "id": "c", "message": accepted["answer"]})
    assert Message.objects.get(pk=accepted["answer"]).documents == [house.secret.pk]
    house.inside.cut_after = 0
    place = {"conversation": accepted["conversation"], "parent": accepted["answer"]}
    after = house.ask("And why?", house.free, **place)
    assert not after.engine.startswith("api: ")
    house.nothing_left()
    house.is_reached_by_the_free_question()


def test_a_conversation_that_was_exported_and_imported_stays(house: House, cast: Cast) -> None:
    house.inside_then_outside()
    house.in_force()
    answer = house.ask(SECRET_QUESTION, house.secret)
    assert ANSWERED in answer.text and answer.engine.startswith("house: ")
    own = signed_in_client(cast.alice)
    exported = own.get(f"/api/conversations/{answer.accepted['conversation']}/export/?form=json").content
    brought = own.post("/api/conversations/import/", exported, content_type="application/json").json()
    last = Message.objects.get(conversation=brought["conversations"][0], role="assistant")
    house.inside.cut_after = 0
    place = {"conversation": str(last.conversation_id), "parent": str(last.pk)}
    after = house.ask("And why?", house.free, **place)
    assert not after.engine.startswith("api: ")
    house.nothing_left()
    house.is_reached_by_the_free_question()


def test_a_question_asked_of_a_collection_stays_though_nothing_was_found(told: tuple[House, Answer]) -> None:
    house, _ = told
    chosen = [str(house.secret.collection_id)]
    answer = house.ask(SECRET_QUESTION, collections=chosen)
    assert answer.engine == "extractive" and answer.status == "complete"
    edit = {"type": "edit", "id": "e", "message": answer.accepted["question"], "text": f"Where is the {ASKED}?"}
    edited = house.sent(edit)
    assert edited.engine == "extractive"
    again = house.sent({"type": "regenerate", "id": "r", "message": edited.accepted["answer"]})
    after = house.follow(again, "And elsewhere?", house.free)  # of everything, below what was asked of one collection
    assert after.engine == again.engine == "extractive"
    house.nothing_left()
    house.is_reached_by_the_free_question()


@pytest.mark.parametrize("change", ["marked", "moved", "deleted"])
def test_what_becomes_of_a_collection_later_counts(house: House, change: str) -> None:
    house.inside_then_outside()
    house.in_force()
    Passage.objects.filter(document=house.free).update(text=f"The {ASKED} lives beside the {PASSAGE}.")
    answer = house.ask(SECRET_QUESTION, house.free)
    assert ANSWERED in answer.text
    if change == "marked":
        Collection.objects.filter(pk=house.free.collection_id).update(stays_in_house=True)
    elif change == "moved":
        Document.objects.filter(pk=house.free.pk).update(collection=house.secret.collection_id)
    else:
        house.free.delete()
    house.inside.cut_after = 0
    assert house.follow(answer, "And why?").engine == "extractive"
    again = {"type": "regenerate", "id": "r", "message": answer.accepted["answer"]}
    house.finds(house.free) if change != "deleted" else house.finds()
    assert house.sent(again).engine == "extractive"
    house.nothing_left()
    house.free = _document("Another", "open.md", f"{FREE} means that everybody may know it.")
    house.is_reached_by_the_free_question()


def test_an_answer_that_was_kept_carries_nothing_out(house: House) -> None:
    house.inside_then_outside()
    house.in_force()
    for _ in range(2):
        assert ANSWERED in house.ask(SECRET_QUESTION, house.secret).text
    house.inside.cut_after = 0
    house.ask(SECRET_QUESTION, house.secret)  # kept, or quoted: not outside
    house.nothing_left()
    house.is_reached_by_the_free_question()
    asked = house.outside.asked
    assert house.ask(FREE_QUESTION, house.free).text == OUTSIDE
    Collection.objects.filter(pk=house.free.collection_id).update(stays_in_house=True)
    assert house.ask(FREE_QUESTION, house.free).engine == "extractive"
    assert house.outside.asked <= asked + 1


@pytest.mark.redis
def test_an_answer_that_another_process_takes_over_stays(
    house: House, start_web: StartWeb, redis_address: str, cast: Cast
) -> None:
    house.inside_then_outside()
    here, there = start_web(redis_address), start_web(redis_address)
    house.inside.pause_s = 0.5
    house.inside.words = [f"The {ANSWERED} "] + ["knows "] * 40
    house.finds(house.secret)
    with Client(here, cast.alice).socket() as socket:
        accepted = socket.ask(SECRET_QUESTION)
        assert ANSWERED in text_of(socket.until("text"))
        here.end(signal.SIGKILL)
    house.inside.cut_after = 0
    house.finds(house.free)
    answer = Message.objects.filter(pk=accepted["answer"])
    wait_until(lambda: answer.get().status != "streaming", 40)
    found = answer.get()
    assert (found.status, found.engine) == ("complete", "extractive"), found.error
    assert found.text.startswith(f"The {ANSWERED} ") and PASSAGE in found.text
    house.web, house.client = there, Client(there, cast.alice)
    house.log_begins = 0
    house.nothing_left()
    house.in_force()
    house.is_reached_by_the_free_question()


# -- other doors -------------------------------------------------------------------------------------------------------
def test_what_a_program_was_told_before_stays(told: tuple[House, Answer]) -> None:
    house, _ = told
    before = (("user", SECRET_QUESTION), ("assistant", f"The {ANSWERED} [1]."))
    for found in ((), (house.free,), (house.secret,)):
        answer = house.over_the_api(*before, ("user", "And why?"), found=found)
        assert answer["engine"] == "extractive"
    house.nothing_left()
    answer = house.over_the_api(("user", FREE_QUESTION), found=(house.free,))
    assert answer["choices"][0]["message"]["content"] == OUTSIDE and house.outside.holds(FREE)


def test_a_question_of_the_terminal(house: House) -> None:
    house.finds(house.secret)
    asked = _in_a_terminal(house, SECRET_QUESTION)
    assert PASSAGE in asked.stdout and "quotations" in asked.stdout
    house.finds()
    assert "quotations" in _in_a_terminal(house, f"Any {ASKED}?", "--collection", "Vault").stdout
    house.nothing_left()
    house.finds(house.free)
    assert OUTSIDE in _in_a_terminal(house, FREE_QUESTION).stdout and house.outside.holds(FREE)


def _in_a_terminal(house: House, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", "ask", *arguments, "--user", "alice"]
    known = os.environ | house.web.environment
    done = subprocess.run(command, cwd=settings.BASE_DIR, env=known, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not any(word in done.stderr for word in MARKERS), "its log"
    return done


def test_the_real_model_service_writes_none_of_it_down(house: House, model_process: ModelProcess) -> None:
    install(quoting_model(), "quoting")
    model_process.start()
    wait_until(lambda: house.client.get("/api/engines/").json()["answering"] == "local: quoting", 20)
    Passage.objects.filter(document=house.secret).update(text="Nobody knows what the zebrafalter eats in the winter.")
    answer = house.ask("What is said of zebrafalter?", house.secret)
    assert answer.engine == "local: quoting" and "winter" in answer.text
    house.nothing_left()
    said = model_process.log.read_text(errors="replace").lower() + model_process.get("/metrics").text.lower()
    assert "model.loaded" in said and not any(word.lower() in said for word in MARKERS)
    model_process.end()
