"""Answers given before: who gets them, when, and what never goes by them."""

from __future__ import annotations

import hashlib
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.cache import caches
from django.test import override_settings
from django.utils import timezone

from chatapp.accounts.keys import create_key
from chatapp.accounts.models import User
from chatapp.conversations.answer_cache import NOTE, Kept, keep, look_up
from inference.models import Candidate, ModelVersion, Route
from retrieval.changes import record_change
from retrieval.models import Collection, Document, IndexChange, Passage
from retrieval.pipeline.ingestion import delete_document
from tests.conftest import Cast
from tests.conversations.model_double import ModelDouble
from tests.conversations.web import Client, Frame, Web, text_of
from tests.ingestion.fake_index import FakeIndex
from tests.waiting import wait_until

QUESTION = "How many days of leave?"
WORDS = ["Everybody has ", "28 days [1]. ", "Carried leave lapses [2]."]


@pytest.fixture(scope="module")
def local_double() -> Iterator[ModelDouble]:
    """The model service of the house; `model_double` is outside."""
    double = ModelDouble()
    yield double
    double.stop()


@pytest.fixture(scope="module", params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
def running_web(
    request: pytest.FixtureRequest,
    django_db_setup: None,
    django_db_blocker: Any,
    index_double: FakeIndex,
    model_double: ModelDouble,
    local_double: ModelDouble,
) -> Iterator[Web]:
    redis_url = "" if request.param == "memory" else str(request.getfixturevalue("redis_address"))
    with tempfile.TemporaryDirectory(prefix="fn-cache-") as folder:
        house = local_double.url.removesuffix("/v1")
        process = Web(Path(folder), index_double.url, model_double.url, redis_url, MODEL_SERVICE_URLS=house)
        process.start()
        yield process
        process.end()
        assert "Traceback" not in process.log.read_text(errors="replace")


@pytest.fixture(autouse=True)
def local(local_double: ModelDouble) -> Iterator[ModelDouble]:
    local_double.reset()
    local_double.words = list(WORDS)
    yield local_double
    local_double.gate.set()


@pytest.fixture
def bob(client_of: Callable[[Any], Client], cast: Cast, handbook: Document) -> Client:
    return client_of(cast.bob)


@pytest.fixture
def alice_of(
    cast: Cast, handbook: Document, index: FakeIndex, model: ModelDouble, local: ModelDouble, tmp_path: Path
) -> Iterator[Callable[..., Client]]:
    """Alice at a web process of her own, with other settings, or because an engine is to fail, which is remembered."""
    started: list[Web] = []

    def start(**more: str) -> Client:
        house = local.url.removesuffix("/v1")
        started.append(Web(tmp_path, index.url, model.url, MODEL_SERVICE_URLS=house, **more))
        started[-1].start()
        return Client(started[-1], cast.alice)

    yield start
    for one in started:
        one.end()


def answered(client: Client, text: str = QUESTION, **values: Any) -> list[Frame]:
    """The frames of a new conversation's first answer."""
    with client.socket() as socket:
        accepted = socket.ask(text, **values)
        return [accepted, *socket.until("done")]


def is_kept(frames: list[Frame]) -> bool:
    return any(frame["type"] == "writer" and frame["note"] == NOTE for frame in frames)


def test_the_same_question_of_the_same_documents_is_answered_without_a_model(
    alice: Client, bob: Client, local: ModelDouble
) -> None:
    first, second = answered(alice), answered(bob, "  How many\n days of leave? ")
    assert len(local.calls) == 1 and is_kept(second) and not is_kept(first)
    assert text_of(second) == text_of(first) == "".join(WORDS)
    of = {kind: [next(f for f in frames if f["type"] == kind) for frames in (first, second)] for kind in KINDS}
    assert of["sources"][0]["sources"] == of["sources"][1]["sources"]
    assert of["citations"][0]["citations"] == of["citations"][1]["citations"]
    assert of["done"][1]["usage"] == {"prompt_tokens": 0, "completion_tokens": 0}
    assert of["done"][1]["engine"] == "local: double" and of["done"][1]["timings"]["first_text"] >= 0
    stored = bob.message(second[0])
    assert stored["text"] == "".join(WORDS) and stored["status"] == "complete" and len(stored["citations"]) == 2
    assert stored["written_by"] == [{"engine": "local: double", "from": 0, "note": NOTE}]


KINDS = ("sources", "citations", "done")


def test_whoever_reads_more_documents_of_the_same_collections_has_answers_of_their_own(
    alice: Client, bob: Client, local: ModelDouble, handbook: Document
) -> None:
    """Though both are found the same passages."""
    salaries = Document.objects.create(
        collection=handbook.collection, name="salaries.md", size=1, sha256="1" * 64, restricted=True
    )
    salaries.readers.set(Group.objects.filter(name="owners"))
    answered(alice)
    assert not is_kept(answered(bob)) and len(local.calls) == 2
    assert is_kept(answered(alice)) and is_kept(answered(bob)) and len(local.calls) == 2


def test_capitals_make_another_question(alice: Client, local: ModelDouble) -> None:
    answered(alice, "What does WHO say?")
    assert not is_kept(answered(alice, "What does who say?")) and len(local.calls) == 2


def test_who_reads_one_collection_more_does_not_share(alice: Client, bob: Client, local: ModelDouble) -> None:
    more = Collection.objects.create(name="Board")
    more.readers.set([Group.objects.get(name="members")])
    answered(alice)
    assert not is_kept(answered(bob)) and len(local.calls) == 2


def test_who_chooses_down_to_the_same_collections_shares(alice: Client, bob: Client, handbook: Document) -> None:
    more = Collection.objects.create(name="Board")
    more.readers.set([Group.objects.get(name="members")])
    answered(alice)
    assert is_kept(answered(bob, collections=[str(handbook.collection_id)]))


def test_a_withdrawn_permission_counts_at_once(alice: Client, handbook: Document, local: ModelDouble) -> None:
    answered(alice)
    handbook.collection.readers.clear()
    after = answered(alice)
    assert not is_kept(after) and not next(f for f in after if f["type"] == "sources")["sources"]
    assert "28 days" not in str([call["messages"] for call in local.calls[1:]])


@pytest.mark.parametrize("kind", ["added", "deleted", "taken in anew"])
def test_a_change_of_the_documents_asks_the_model_again(
    alice: Client, handbook: Document, index: FakeIndex, local: ModelDouble, kind: str
) -> None:
    other = _document(handbook.collection, "other.md")
    answered(alice)
    assert is_kept(answered(alice))
    if kind == "added":
        record_change(_document(handbook.collection, "third.md"), IndexChange.Kind.ADD)
    elif kind == "deleted":
        delete_document(document=other, by=None)
    else:
        record_change(other, IndexChange.Kind.ADD)
    assert not is_kept(answered(alice)) and len(local.calls) == 2
    assert is_kept(answered(alice))


def test_other_passages_make_another_answer(alice: Client, index: FakeIndex, local: ModelDouble) -> None:
    answered(alice)
    index.hits = index.hits[:1]  # an index service that is a moment behind
    assert not is_kept(answered(alice)) and len(local.calls) == 2


def test_a_change_elsewhere_does_not_matter(alice: Client, handbook: Document) -> None:
    answered(alice)
    record_change(_document(Collection.objects.create(name="Board"), "board.md"), IndexChange.Kind.ADD)
    assert is_kept(answered(alice))


def _document(collection: Collection, name: str) -> Document:
    document = Document.objects.create(
        collection=collection,
        name=name,
        size=1,
        sha256=hashlib.sha256(name.encode()).hexdigest(),
        status="ready",
        ready_at=timezone.now(),
    )
    Passage.objects.create(document=document, ordinal=0, text=f"Text of {name}.")
    return document


def test_another_model_answers_for_itself(alice_of: Callable[..., Client], local: ModelDouble) -> None:
    alice = alice_of()
    answered(alice, "What is kept of the local model?")
    local.cut_after = 0  # every answer of it breaks off now, so the endpoint outside takes over
    answered(alice, "Another question that makes it fail")
    frames = answered(alice, "What is kept of the local model?")
    assert not is_kept(frames) and frames[-1]["engine"] == "api: double"


@pytest.mark.parametrize("changed", ["address", "model"])
def test_another_model_behind_the_same_name_answers_for_itself(
    alice_of: Callable[..., Client], local: ModelDouble, model: ModelDouble, changed: str
) -> None:
    alice = alice_of()  # a process of its own: routes stay in its memory for a moment
    version = ModelVersion.objects.create(name="edited", kind="openai", base_url=model.url, model="one")
    Candidate.objects.create(route=Route.objects.create(name=f"by-{changed}", default=True), version=version)
    question = f"Who answers once its {changed} has changed?"

    def engine_of(frames: list[Frame]) -> str:
        return str(frames[-1]["engine"])

    wait_until(lambda: engine_of(answered(alice)) == "house: edited", 10)
    model.words = ["First [1]."]
    answered(alice, question)
    assert is_kept(again := answered(alice, question)) and engine_of(again) == "house: edited"
    now = {"base_url": local.url} if changed == "address" else {"model": "two"}
    ModelVersion.objects.filter(pk=version.pk).update(**now)
    (local if changed == "address" else model).words = ["Second [1]."]
    time.sleep(2.2)  # until routes are read anew
    answered(alice, "Another question, which reads them")
    after = answered(alice, question)
    assert not is_kept(after) and text_of(after) == "Second [1]."


def test_follow_ups_are_written_anew(alice: Client, local: ModelDouble) -> None:
    with alice.socket() as socket:
        for _ in range(2):
            first = socket.ask()
            socket.until("done")
            socket.ask("And the year before?", conversation=first["conversation"], parent=first["answer"])
            assert not is_kept(socket.until("done"))
    assert len(local.calls) == 3


@pytest.mark.parametrize("way", ["regenerate", "edit"])
def test_whoever_asks_again_gets_a_new_answer_which_then_is_kept(
    alice: Client, bob: Client, local: ModelDouble, way: str
) -> None:
    answered(bob)
    with alice.socket() as socket:
        first = socket.ask()
        assert is_kept(socket.until("done"))
        local.words = ["Better: 28 [1]."]
        asked = (
            {"message": first["answer"]} if way == "regenerate" else {"message": first["question"], "text": QUESTION}
        )
        socket.send({"type": way, "id": "b", **asked})
        again = socket.until("done")
    assert not is_kept(again) and text_of(again) == "Better: 28 [1]." and len(local.calls) == 2
    assert text_of(answered(bob)) == "Better: 28 [1]." and len(local.calls) == 2


def test_a_stopped_answer_is_not_kept(alice: Client, local: ModelDouble) -> None:
    local.pause_s = 0.2
    with alice.socket() as socket:
        accepted = socket.ask()
        socket.until("text")
        socket.send({"type": "stop", "turn": accepted["turn"]})
        assert socket.until("done")[-1]["status"] == "stopped"
    local.pause_s = 0.0
    assert not is_kept(answered(alice)) and len(local.calls) == 2


def test_an_answer_of_two_engines_is_not_kept(alice_of: Callable[..., Client], local: ModelDouble) -> None:
    alice = alice_of()
    local.cut_after = 1
    first = answered(alice, "Who wrote this, and who took over?")
    assert [f["engine"] for f in first if f["type"] == "writer"] == ["local: double", "api: double"]
    local.cut_after = None
    for _ in range(2):  # of the endpoint's own answers, the first is kept
        again = answered(alice, "Who wrote this, and who took over?")
    assert is_kept(again) and again[-1]["engine"] == "api: double" and text_of(again) != text_of(first)


def test_what_stays_in_the_house_is_kept_there_and_never_sent_outside(
    alice_of: Callable[..., Client], handbook: Document, local: ModelDouble, model: ModelDouble
) -> None:
    alice = alice_of()
    Collection.objects.filter(pk=handbook.collection_id).update(stays_in_house=True)
    first = answered(alice, "What stays here?")
    with alice.socket() as socket:
        accepted = socket.ask("What stays here?")
        second = socket.until("done")
        local.cut_after = 0
        socket.ask("Tell me more", conversation=accepted["conversation"], parent=accepted["answer"])
        third = socket.until("done")
    assert text_of(first) == text_of(second) and is_kept(second) and third[-1]["engine"] == "extractive"
    assert model.calls == []


def test_a_collection_that_stays_from_now_on_has_new_answers(
    alice: Client, handbook: Document, local: ModelDouble
) -> None:
    answered(alice)
    Collection.objects.filter(pk=handbook.collection_id).update(stays_in_house=True)
    assert not is_kept(answered(alice)) and len(local.calls) == 2


def test_a_program_shares_with_programs_that_ask_for_the_same(
    alice: Client, cast: Cast, running_web: Web, local: ModelDouble
) -> None:
    keys = {person: create_key(user=person, name="test") for person in (cast.alice, cast.bob)}

    def ask(person: User, **more: Any) -> Any:
        with openai.OpenAI(base_url=f"{running_web.url}/v1", api_key=keys[person], max_retries=0) as client:
            said: list[Any] = [{"role": "user", "content": QUESTION}]
            answer = client.chat.completions.create(model="footnote", messages=said, **more)
            return list(answer) if "stream" in more else answer

    first, second = ask(cast.alice), ask(cast.bob)
    assert first.choices[0].message.content == second.choices[0].message.content and len(local.calls) == 1
    assert second.usage.completion_tokens == 0 and second.model_extra["engine"] == "local: double"
    assert (first.model_extra["note"], second.model_extra["note"]) == ("", NOTE)
    notes = [(chunk.model_extra or {}).get("note") for chunk in ask(cast.bob, stream=True)]
    assert [note for note in notes if note] == [NOTE] and len(local.calls) == 1
    others: list[dict[str, Any]] = [{"seed": 5}, {"stop": ["x"]}, {"max_tokens": 9}, {"temperature": 0.1}]
    for number, more in enumerate(others, start=2):
        ask(cast.alice, **more)
        assert len(local.calls) == number
    for number in (6, 7):
        ask(cast.alice, temperature=1.2)
        assert len(local.calls) == number, "whoever wants variety gets it"
    ask(cast.alice, extra_headers={"Cache-Control": "no-cache"})
    assert len(local.calls) == 8


def test_hits_and_misses_and_what_became_of_turns_are_measured(
    alice_of: Callable[..., Client], local: ModelDouble
) -> None:
    alice = alice_of()
    before = _measured(alice.web)
    answered(alice)
    answered(alice)
    after = _measured(alice.web)

    def more(name: str) -> float:
        return after[name] - before.get(name, 0)

    for result, number in {"hit": 1, "miss": 1, "kept": 1, "failed": 0}.items():
        assert more(f'footnote_answer_cache_total{{result="{result}"}}') == number, result
    assert more('footnote_turns_total{engine="local",status="complete"}') == 2
    for stage in ("turn_search_seconds", "turn_first_text_seconds", "turn_seconds"):
        assert more(f"footnote_{stage}_count") == 2, stage
    local.cut_after = 1
    answered(alice, "Does another engine take over?")
    assert _measured(alice.web)['footnote_failovers_total{when="within"}'] == (
        after['footnote_failovers_total{when="within"}'] + 1
    )


def _measured(web: Web) -> dict[str, float]:
    text = httpx.get(f"{web.url}/metrics", headers={"Authorization": f"Bearer {settings.INTERNAL_TOKEN}"}).text
    return {name: float(value) for name, value in re.findall(r"^(\S+) (\S+)$", text, re.M)}


# -- bounds ------------------------------------------------------------------------------------------------------------
def test_an_answer_is_forgotten_when_its_time_is_over(alice_of: Callable[..., Client], local: ModelDouble) -> None:
    client = alice_of(CHATAPP_ANSWER_CACHE="2")
    answered(client)
    assert is_kept(answered(client))
    time.sleep(2.1)
    assert not is_kept(answered(client)) and len(local.calls) == 2


def test_none_is_kept_where_the_setting_says_so(alice_of: Callable[..., Client], local: ModelDouble) -> None:
    client = alice_of(CHATAPP_ANSWER_CACHE="0")
    answered(client)
    assert not is_kept(answered(client)) and len(local.calls) == 2


def test_what_is_too_long_is_not_kept(alice: Client, local: ModelDouble) -> None:
    local.words = ["x" * 1000 + " "] * 33
    answered(alice, "Tell me everything")
    assert not is_kept(answered(alice, "Tell me everything")) and len(local.calls) == 2


@pytest.mark.parametrize("value", ["{}", "[]", "7", "no JSON", '{"key": "a", "engine": "b", "text": "c", "more": 1}'])
async def test_the_form_of_another_release_is_passed_over(value: str) -> None:
    kept = Kept("a" * 64, "local: double", "answer")
    await keep(kept)
    assert await look_up(kept.key) == kept
    caches["answers"].set(str(int(kept.key[:8], 16) % settings.ANSWER_CACHE_PLACES), value)
    assert await look_up(kept.key) is None
    await keep(kept)
    assert await look_up(kept.key) == kept


async def test_the_number_of_answers_is_bounded_and_the_newest_stay() -> None:
    keys = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(200)]
    with override_settings(ANSWER_CACHE_PLACES=16):
        for key in keys:
            await keep(Kept(key, "local: double", f"answer of {key}"))
        found = [kept for key in keys if (kept := await look_up(key))]
    assert len(found) <= 16 and keys[-1] in {kept.key for kept in found}
    assert all(kept.text == f"answer of {kept.key}" for kept in found)
