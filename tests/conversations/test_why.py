"""Why an answer is as it is: what is kept of a real turn, what its owner is told, and what nobody else is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from chatapp.accounts.models import User
from chatapp.conversations.models import Explanation, Message
from chatapp.safety.models import WordList
from inference.models import Candidate, ModelVersion, Route
from inference.routing.following import MOST_STEPS, Followed
from retrieval.models import Document, Passage
from tests.conftest import Cast
from tests.conversations.model_double import ModelDouble
from tests.conversations.test_content_rules import asked, rules
from tests.conversations.web import Client, Web
from tests.ingestion.fake_index import FakeIndex
from tests.waiting import wait_until

WORDS = ["Everybody has ", "28 days [1]. "]
Told = dict[str, Any]


def why(client: Client, number: int = -1) -> Told:
    """Of the newest answer."""
    answer = Message.objects.filter(role="assistant").order_by("created_at")[::1][number]
    found: Told = client.get(f"/api/messages/{answer.pk}/why/").json()
    return found


def test_passages_come_with_their_scores_and_whether_they_are_cited(
    alice: Client, model: ModelDouble, index: FakeIndex
) -> None:
    model.words = WORDS
    index.hits = [one | {"version": 7, "lexical": 5.25 - number} for number, one in enumerate(index.hits)]
    asked(alice)
    told = why(alice)
    assert told["kept"] and told["asked"] == "How many days of leave?" and told["index_version"] == 7
    facts = [(one["number"], one["score"], one["dense"], one["lexical"], one["cited"]) for one in told["passages"]]
    assert facts == [(1, 0.9, 0.8, 5.25, True), (2, 0.9, 0.8, 4.25, False)]
    assert not any(one["withheld"] for one in told["passages"]) and "text" not in told["passages"][0]
    assert told["unsupported"] == 0 and not told["cached"] and not told["quoted"]
    assert told["found"] == {"question": [], "passages": [], "answer": []}


def test_each_engine_of_the_line_is_told_with_its_fate(alice: Client, model: ModelDouble) -> None:
    """The model service of these tests has no model, and is not spoken of; quotations are not needed."""
    model.words = WORDS
    asked(alice)
    wrote, quotes = why(alice)["line"]
    assert (wrote["engine"], wrote["fate"], wrote["read"], wrote["written"]) == ("api: double", "wrote", 7, 2)
    assert wrote["first_token_ms"] >= 0 and quotes == {"engine": "extractive", "cost": ""}
    told = why(alice)
    assert told["usage"] == {"prompt_tokens": 7, "completion_tokens": 2} and told["cost"] is None
    assert {"search", "first_text", "total"} <= told["timings"].keys()


@pytest.fixture
def at_home(
    cast: Cast, handbook: Document, index: FakeIndex, model: ModelDouble, tmp_path: Path, transactional_db: None
) -> Iterator[Client]:
    """Alice at a web process of her own, which has the double for its model service and remembers what fails."""
    web = Web(tmp_path, index.url, "", MODEL_SERVICE_URLS=model.url.removesuffix("/v1"))
    web.environment |= {"INFERENCE_API_BASE_URL": "", "INFERENCE_API_MODEL": ""}
    web.start()
    yield Client(web, cast.alice)
    web.end()


def test_the_wait_in_a_queue_and_who_took_over(at_home: Client, model: ModelDouble) -> None:
    model.words = WORDS
    model.progress = [
        {"queue_position": 3, "prompt_tokens_read": 0, "prompt_tokens": 0},
        {"queue_position": 0, "prompt_tokens_read": 10, "prompt_tokens": 90},
    ]
    asked(at_home)
    timings = why(at_home)["timings"]
    assert timings["search"] <= timings["reading"] <= timings["first_text"] <= timings["total"]
    model.cut_after = 0
    asked(at_home, "And how many more?")
    told = why(at_home)
    failed, quotes = told["line"]
    assert failed["engine"] == "local: double" and failed["fate"] == "failed" and failed["why"]
    assert (quotes["engine"], quotes["fate"]) == ("extractive", "wrote") and told["quoted"]


def test_an_answer_that_was_given_before_says_so(alice: Client, model: ModelDouble) -> None:
    model.words = WORDS
    asked(alice)
    asked(alice)
    assert len(model.calls) == 1
    first, second = why(alice, -2), why(alice)
    assert (first["cached"], second["cached"]) == (False, True)
    assert second["line"] == [] and second["passages"][0]["dense"] == 0.8


def once(kind: str, action: str) -> Told:
    return {"kind": kind, "action": action, "times": 1}


def test_what_rules_did_is_told_by_kind_and_place_and_never_the_value(
    alice: Client, model: ModelDouble, handbook: Document
) -> None:
    Passage.objects.filter(ordinal=1).update(text="The key of the safe is AKIAIOSFODNN7EXAMPLE.")
    rules(("email", "question", "mask"), ("secret", "passages", "block"), ("card", "answer", "mask"))
    rules(("words", "answer", "mask"), words=WordList.objects.create(name="Blue Falcon", terms="Heron"))
    model.words = ["Pay with 4111 1111 1111 1111 at Heron ", "https://evil.example/ [1]."]
    asked(alice, "May anna.berg@example.org take leave?")
    told = why(alice)
    assert told["found"]["question"] == [once("email", "mask")]
    assert told["found"]["passages"] == [once("secret", "block")]
    assert told["found"]["answer"] == [once("card", "mask"), once("words", "mask"), once("link", "removed")]
    assert [one["withheld"] for one in told["passages"]] == [False, True]
    assert told["asked"] == "May [email removed] take leave?"
    for value in ("anna", "AKIA", "4111", "Heron", "Falcon", "evil"):
        assert value not in json.dumps(told)


def test_an_edited_question_has_what_was_found_in_it(alice: Client, model: ModelDouble) -> None:
    model.words = WORDS
    asked(alice)
    rules(("email", "question", "mask"))
    with alice.socket() as socket:
        question = str(Message.objects.get(role="user").pk)
        socket.send({"type": "edit", "id": "e", "message": question, "text": "And for anna.berg@example.org?"})
        socket.until("done")
    assert why(alice)["found"]["question"] == [once("email", "mask")]


def test_a_continued_answer_keeps_what_is_known_of_its_search(
    alice: Client, model: ModelDouble, index: FakeIndex
) -> None:
    index.hits = [one | {"version": 4} for one in index.hits]
    model.words, model.pause_s = ["Everybody has ", *["and so on "] * 200], 0.05
    with alice.socket() as socket:
        accepted = socket.ask()
        socket.until("text")
        socket.send({"type": "stop", "turn": accepted["turn"]})
        socket.until("done")
        stopped = why(alice)
        assert [one.get("fate") for one in stopped["line"]] == ["stopped", None]
        model.words, model.pause_s = ["28 days [1]."], 0.0
        socket.send({"type": "continue", "id": "c", "message": accepted["answer"]})
        socket.until("done")
    told = why(alice)
    assert told["continued"] and not stopped["continued"]
    assert told["index_version"] == 4 and told["passages"][0]["dense"] == 0.8
    assert "wrote" in [one.get("fate") for one in told["line"]]


@pytest.fixture
def priced(model_double: ModelDouble) -> ModelVersion:
    version = ModelVersion.objects.create(
        name="priced",
        kind="openai",
        base_url=model_double.url,
        model="double",
        price_prompt=Decimal(1000),
        price_completion=Decimal(2000),
    )
    dear = ModelVersion.objects.create(name="dear", kind="openai", base_url=model_double.url, model="dear")
    route = Route.objects.create(name="main", default=True)
    only = Candidate.objects.create(route=route, version=dear, position=1)
    only.groups.set([Group.objects.create(name="directors")])
    Candidate.objects.create(route=route, version=version, position=2)
    return version


def test_costs_and_conditions_of_a_route(alice: Client, priced: ModelVersion, model: ModelDouble) -> None:
    model.words = WORDS

    def answered_by_it() -> bool:
        asked(alice)
        return bool(Message.objects.filter(engine="house: priced").exists())

    wait_until(answered_by_it, 20)  # routes are read anew now and then
    told = why(alice)
    dear, wrote, _ = told["line"]
    assert (dear["fate"], dear["why"]) == ("not meant", "It is for people of certain groups only.")
    assert Decimal(wrote["cost"]) == Decimal(told["cost"]) == Decimal("0.011")
    assert told["route"] == ""  # names of routes are for administrators
    User.objects.filter(pk=alice.user.pk).update(is_superuser=True)
    assert why(alice)["route"] == "main"


def test_it_is_the_owners_alone(
    alice: Client, client_of: Callable[[Any], Client], cast: Cast, model: ModelDouble
) -> None:
    model.words = WORDS
    asked(alice)
    question, answer = (Message.objects.get(role=role) for role in ("user", "assistant"))
    for other in (cast.bob, cast.charlie, cast.administrator):
        assert client_of(other).get(f"/api/messages/{answer.pk}/why/").status_code == 404
    refused = alice.get(f"/api/messages/{question.pk}/why/")
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid")


def test_what_may_no_longer_be_read_is_named_and_not_shown(
    alice: Client, model: ModelDouble, handbook: Document
) -> None:
    model.words = WORDS
    Passage.objects.update(heading="Leave of absence")
    asked(alice)
    handbook.collection.readers.clear()
    told = why(alice)
    assert [one["readable"] for one in told["passages"]] == [False, False]
    assert told["passages"][0]["document"]["name"] == "leave.md" and "absence" not in json.dumps(told)


def test_an_answer_of_an_earlier_version_shows_what_there_is(alice: Client, model: ModelDouble) -> None:
    model.words = WORDS
    asked(alice)
    Explanation.objects.all().delete()
    told = why(alice)
    assert not told["kept"] and told["found"] is None and told["line"] == []
    assert told["index_version"] is None and told["passages"][0]["dense"] is None
    assert told["passages"][0]["score"] == 0.9 and told["usage"]["prompt_tokens"] == 7


def test_it_is_sealed_small_and_goes_with_its_message(alice: Client, model: ModelDouble) -> None:
    model.words = WORDS
    asked(alice)
    with connection.cursor() as cursor:
        cursor.execute("SELECT kept::text FROM conversations_explanation")
        ((stored,),) = cursor.fetchall()
    assert "double" not in stored and len(stored) < 2000
    Message.objects.all().delete()
    assert not Explanation.objects.exists()


def test_one_that_cannot_be_opened_counts_as_not_kept(alice: Client, model: ModelDouble) -> None:
    model.words = WORDS
    asked(alice)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE conversations_explanation SET kept = to_jsonb(replace(kept #>> '{}', 'A', 'B'))")
    told = why(alice)
    assert not told["kept"] and told["passages"][0]["cited"]


def test_a_long_line_is_cut_before_the_last_resort() -> None:
    followed = Followed()
    followed.begin("main", (), [*(f"house: {n}" for n in range(100)), "extractive"])
    assert len(followed.steps) == MOST_STEPS and followed.steps[-1].engine == "extractive"
    followed.failed("house: 80", "It failed.")
    assert len(followed.steps) == MOST_STEPS
