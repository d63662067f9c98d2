"""A person says whether an answer of theirs was good."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from chatapp.conversations.models import Conversation, Message, Turn
from chatapp.feedback import services
from chatapp.feedback.models import Rating
from inference import outcomes
from inference.models import Outcome
from inference.routing.attempt import Attempted
from tests.conftest import Cast, signed_in_client


@dataclass
class Answered:
    client: Client
    conversation: Conversation
    question: Message
    answer: Message
    turn: Turn

    def put(self, body: Any, message: Message | None = None) -> Any:
        return self.client.put(address(message or self.answer), body, content_type="application/json")

    def shown(self) -> Any:
        page = self.client.get(f"/api/conversations/{self.conversation.pk}/").json()
        return next(one for one in page["messages"] if one["id"] == str(self.answer.pk))["rating"]


def address(message: Message) -> str:
    return f"/api/messages/{message.pk}/rating/"


@pytest.fixture(autouse=True)
def nobody_has_rated_yet() -> None:
    cache.clear()


@pytest.fixture
def answered(cast: Cast) -> Answered:
    conversation = Conversation.objects.create(owner=cast.alice)
    question = Message.objects.create(conversation=conversation, role="user", text="May I?")
    answer = Message.objects.create(conversation=conversation, parent=question, role="assistant", text="You may.")
    turn = Turn.objects.create(asker=cast.alice, question=question, answer=answer, running=False)
    return Answered(signed_in_client(cast.alice), conversation, question, answer, turn)


def attempt(turn: Turn, **values: Any) -> Attempted:
    fields = {"route": "footnote", "engine": "local: m", "version": None, "rollout": None, "failed": False}
    return Attempted(turn_id=str(turn.pk), **{**fields, **values})


def ratings_of_outcomes() -> list[int | None]:
    return list(Outcome.objects.order_by("pk").values_list("rating", flat=True))


def test_an_answer_is_rated_rated_otherwise_and_not_rated_any_more(answered: Answered) -> None:
    assert answered.shown() is None
    nothing = {"reasons": [], "text": "", "correction": "", "curators": False}
    assert answered.put({"rating": "good"}).json() == {"rating": "good", **nothing}
    bad = {"rating": "bad", "reasons": ["unsupported", "wrong"], "text": "Five days.", "correction": "Six."}
    assert answered.put(bad).json() == {**bad, "curators": False} == answered.shown()
    assert Rating.objects.count() == 1
    assert answered.client.delete(address(answered.answer)).status_code == 204
    assert answered.client.delete(address(answered.answer)).status_code == 204
    assert answered.shown() is None


def test_for_others_the_answer_is_not_there(answered: Answered, cast: Cast) -> None:
    nowhere = Message(pk=uuid.uuid4())
    for person in (cast.bob, cast.charlie, cast.administrator):
        client = signed_in_client(person)
        replies = [
            getattr(client, method)(address(one), {"rating": "bad"}, content_type="application/json")
            for one in (answered.answer, nowhere)
            for method in ("put", "delete")
        ]
        assert {reply.status_code for reply in replies} == {404}
        assert len({reply.content for reply in replies}) == 1
    assert Client().put(address(answered.answer)).status_code == 401
    assert not Rating.objects.exists()


def test_what_cannot_be_a_rating_is_refused(answered: Answered) -> None:
    refused: list[Any] = [
        {}, {"rating": "great"}, {"rating": 1}, {"rating": None}, {"rating": "bad", "reasons": ["ugly"]}, [],
        {"rating": "bad", "reasons": "wrong"}, {"rating": "bad", "reasons": [1]}, {"rating": "bad", "text": "x" * 2001},
        {"rating": "bad", "stars": 3}, {"rating": "bad", "correction": "x" * 2001}, {"rating": "bad", "curators": 1},
    ]  # fmt: skip
    for body in refused:
        reply = answered.put(body)
        assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid"), body
    assert answered.client.get(address(answered.answer)).status_code == 405
    assert not Rating.objects.exists()


def test_only_an_answer_that_has_ended_is_rated(answered: Answered) -> None:
    assert answered.put({"rating": "good"}, answered.question).status_code == 400
    Message.objects.filter(pk=answered.answer.pk).update(status="streaming")
    assert answered.put({"rating": "good"}).status_code == 400
    Message.objects.filter(pk=answered.answer.pk).update(status="failed", text="")
    assert answered.put({"rating": "good"}).status_code == 400


def test_another_page_cannot_rate_for_somebody(answered: Answered, cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.alice)
    for method in (client.put, client.delete):
        reply = method(address(answered.answer), {"rating": "bad"}, content_type="application/json")
        assert reply.status_code == 403
    assert not Rating.objects.exists()


def test_text_that_no_database_takes_is_mended(answered: Answered) -> None:
    reply = answered.put(b'{"rating": "bad", "text": " a\\u0000b \\ud800 "}')
    assert (reply.status_code, reply.json()["text"]) == (200, "ab ?")


def test_a_rating_reaches_the_outcomes_of_its_turns(answered: Answered) -> None:
    before = Turn.objects.create(
        asker=answered.turn.asker, question=answered.question, answer=answered.answer, running=False
    )
    outcomes.record([attempt(answered.turn, failed=True), attempt(answered.turn), attempt(before)])
    answered.put({"rating": "bad"})
    assert ratings_of_outcomes() == [None, -1, -1]
    answered.put({"rating": "good"})
    assert ratings_of_outcomes() == [None, 1, 1]
    answered.client.delete(address(answered.answer))
    assert ratings_of_outcomes() == [None, None, None]


def test_an_outcome_that_is_recorded_late_is_rated_all_the_same(answered: Answered) -> None:
    answered.put({"rating": "bad"})
    other = Turn.objects.create(
        asker=answered.turn.asker, question=answered.question, answer=answered.question, running=False
    )
    outcomes.record([attempt(answered.turn), attempt(answered.turn, code="overtaken"), attempt(other)])
    assert ratings_of_outcomes() == [-1, None, None]


def test_a_conversation_that_is_deleted_meanwhile_is_not_there(
    answered: Answered, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deleted_first(**values: Any) -> Rating:
        Conversation.objects.all().delete()
        return rate(**values)

    rate = services.rate
    monkeypatch.setattr(services, "rate", deleted_first)
    assert answered.put({"rating": "good"}).status_code == 404
