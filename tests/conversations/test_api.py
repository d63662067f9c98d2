"""Conversations over HTTP: one's own alone, whatever is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from chatapp.accounts.models import User
from chatapp.conversations.models import Citation, Conversation, Message
from tests.conftest import Cast, signed_in_session


def as_person(user: User) -> Client:
    client = Client(headers={"Accept": "application/json"})
    client.cookies["sessionid"] = signed_in_session(user)
    return client


@pytest.fixture
def conversation(cast: Cast) -> Conversation:
    row = Conversation.objects.create(owner=cast.alice, title="Leave")
    question = Message.objects.create(conversation=row, role="user", text="How many days?")
    answer = Message.objects.create(conversation=row, parent=question, role="assistant", text="28 [1]")
    Citation.objects.create(message=answer, number=1, document_name="leave.md", quote="28 days", score=0.9)
    return row


def test_the_owner_reads_renames_and_deletes(cast: Cast, conversation: Conversation) -> None:
    alice, address = as_person(cast.alice), f"/api/conversations/{conversation.pk}/"
    detail = alice.get(address).json()
    assert [m["role"] for m in detail["messages"]] == ["user", "assistant"]
    assert detail["messages"][1]["citations"][0]["document"] == {"id": None, "name": "leave.md"}
    before = alice.get("/api/conversations/").json()["conversations"][0]["updated_at"]
    renamed = alice.patch(address, {"title": "  Days \n off "}, content_type="application/json")
    assert renamed.json()["title"] == "Days off"
    assert alice.get("/api/conversations/").json()["conversations"][0] == {
        "id": str(conversation.pk),
        "title": "Days off",
        "updated_at": before,
    }
    assert alice.delete(address).status_code == 204
    assert alice.get(address).status_code == 404
    assert Message.objects.count() == 0


@pytest.mark.parametrize("who", ["bob", "charlie", "administrator"])
def test_for_anybody_else_it_looks_like_one_that_is_not_there(cast: Cast, conversation: Conversation, who: str) -> None:
    other = as_person(getattr(cast, who))
    absent = "00000000-0000-4000-8000-000000000000"
    assert other.get("/api/conversations/").json()["conversations"] == []
    for method, body in (("get", None), ("patch", {"title": "Mine"}), ("delete", None)):
        theirs, nothing = (
            getattr(other, method)(f"/api/conversations/{pk}/", body, content_type="application/json")
            if body
            else getattr(other, method)(f"/api/conversations/{pk}/")
            for pk in (conversation.pk, absent)
        )
        assert (theirs.status_code, theirs.json()) == (nothing.status_code, nothing.json()) == (404, nothing.json())
    assert other.get(f"/c/{conversation.pk}/").status_code == 404
    conversation.refresh_from_db()
    assert conversation.title == "Leave"


def test_the_list_comes_in_pages_newest_first(cast: Cast) -> None:
    for number in range(7):
        Conversation.objects.create(owner=cast.alice, title=str(number))
    alice, titles, before = as_person(cast.alice), [], ""
    while True:
        page = alice.get("/api/conversations/", {"limit": "3", **({"before": before} if before else {})}).json()
        titles += [one["title"] for one in page["conversations"]]
        if (before := page["next"]) is None:
            break
    assert titles == ["6", "5", "4", "3", "2", "1", "0"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "limit=²", "before=yesterday", "before=2026-01-01"]
)
def test_a_query_that_is_not_understood_says_what_is_wrong(cast: Cast, query: str) -> None:
    answer = as_person(cast.alice).get(f"/api/conversations/?{query}")
    assert answer.status_code == 400
    assert query.split("=")[0] in answer.json()["error"]["message"]


@pytest.mark.parametrize("body", ["", "[]", "{", '{"title": 5}', '{"title": ""}', '{"title": " \\u0000 "}', "{}"])
def test_a_title_that_cannot_be_is_refused_and_the_old_one_stays(
    cast: Cast, conversation: Conversation, body: str
) -> None:
    address = f"/api/conversations/{conversation.pk}/"
    answer = as_person(cast.alice).patch(address, body, content_type="application/json")
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "invalid"
    too_long = as_person(cast.alice).patch(address, json.dumps({"title": "x" * 201}), content_type="application/json")
    assert too_long.status_code == 400
    conversation.refresh_from_db()
    assert conversation.title == "Leave"


def test_the_page_of_engines_says_what_each_lacks(cast: Cast, settings: Any) -> None:
    engines = as_person(cast.alice).get("/api/engines/").json()
    assert engines["answering"] == "extractive"
    local = engines["engines"][0]
    assert local["problem"] and "model service" in local["advice"]
