"""The search over HTTP: for sessions and for programs with a key."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from chatapp.accounts.keys import create_key
from chatapp.documents import search_api
from retrieval.models import Document, Passage
from tests.documents.conftest import MakeDocument
from tests.ingestion.fake_index import FakeIndex

People = dict[str, Any]


@pytest.fixture
def found(configured: Any, index: FakeIndex, make_document: MakeDocument) -> Document:
    document = make_document("leave.md", "Everyone has 28 days.", path="handbook/leave.md")
    passage = Passage.objects.get()
    index.hits = [{"passage_id": passage.pk, "score": 0.9, "dense": 0.8, "lexical": 3.0, "confidence": 0.75}]
    return document


def program(people: People, name: str) -> Client:
    key = create_key(user=people[name], name=uuid4().hex)
    return Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {key}"})


def ask(client: Client, **body: Any) -> Any:
    return client.post("/api/search/", body, content_type="application/json")


def test_a_program_finds_passages_with_where_they_stand(people: People, found: Document) -> None:
    answer = ask(program(people, "alice"), question="How many days?")
    assert answer.status_code == 200
    (one,) = answer.json()["results"]
    assert one["document"] == {
        "id": str(found.pk),
        "name": "leave.md",
        "path": "handbook/leave.md",
        "collection": "Private",
    }
    assert (one["passage"], one["page"], one["text"]) == (Passage.objects.get().pk, 1, "Everyone has 28 days.")
    assert (one["score"], one["dense"], one["lexical"], one["confidence"]) == (0.9, 0.8, 3.0, 0.75)
    assert {"heading", "locator"} <= one.keys()


def test_nobody_finds_what_they_may_not_read(people: People, found: Document) -> None:
    assert ask(program(people, "charlie"), question="How many days?").json() == {"results": []}
    assert ask(program(people, "charlie"), question="How?", collections=["Private"]).status_code == 404
    assert ask(Client(), question="How?").status_code == 401


def test_a_session_searches_with_its_token_alone(people: People, found: Document) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(people["alice"])
    assert ask(client, question="How?").status_code == 403


def test_what_is_asked_for_reaches_the_index(people: People, found: Document, index: FakeIndex) -> None:
    client = program(people, "alice")
    for name in ("Private", str(found.collection_id)):
        assert ask(client, question="How?", collections=[name], filters={"types": ["md"]}, k=3).status_code == 200
        asked = index.searches[-1]
        assert (asked["collections"], asked["k"]) == ([str(found.collection_id)], 3)
        assert asked["media_types"] == ["text/markdown"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"question": ""},
        {"question": 3},
        {"question": "x" * 100_000},
        {"question": "How?", "k": 0},
        {"question": "How?", "k": 201},
        {"question": "How?", "k": True},
        {"question": "How?", "k": "many"},
        {"question": "How?", "collections": []},
        {"question": "How?", "collections": ["x" * 121]},
        {"question": "How?", "collections": ["x"] * 101},
        {"question": "How?", "filters": {"colour": "red"}},
        {"question": "How?", "filters": [1]},
        {"question": "How?", "page": 2},
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_sentence(people: People, found: Document, body: Any) -> None:
    answer = ask(program(people, "alice"), **body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")


def test_an_index_that_is_away_is_told(people: People, found: Document, index: FakeIndex) -> None:
    index.stop()
    answer = ask(program(people, "alice"), question="How?")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "index_unavailable")


def test_one_person_does_not_take_every_search(
    people: People, found: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_api, "_running", Counter({people["alice"].pk: 4}))
    assert ask(program(people, "alice"), question="How?").json()["error"]["code"] == "busy"
    assert ask(program(people, "bob"), question="How?").status_code == 200
    assert people["bob"].pk not in search_api._running
