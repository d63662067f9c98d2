"""Values that are masked reversibly: placeholders everywhere, values on their owner's page alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connection

from chatapp.conversations import answers
from chatapp.conversations.models import Conversation, MaskedValue, Message
from chatapp.privacy.sealing import destroy
from tests.conftest import Cast
from tests.conversations.model_double import ModelDouble
from tests.conversations.test_content_rules import asked, rules
from tests.conversations.web import Client, text_of
from tests.waiting import wait_until

ANNA = "anna.berg@example.org"
QUESTION = f"May {ANNA} take leave?"


def everything_stored() -> str:
    """All text of the tables of conversations."""
    stored = ""
    with connection.cursor() as cursor:
        for table in ("message", "conversation", "maskedvalue", "citation", "turn"):
            cursor.execute(f"SELECT row_to_json(t)::text FROM conversations_{table} t")
            stored += "".join(row[0] for row in cursor.fetchall())
    return stored


def history(client: Client) -> list[dict[str, Any]]:
    conversation = Conversation.objects.get(owner=client.user)
    found: list[dict[str, Any]] = client.get(f"/api/conversations/{conversation.pk}/").json()["messages"]
    return found


@pytest.fixture
def bob(client_of: Callable[[Any], Client], cast: Cast) -> Client:
    return client_of(cast.bob)


@pytest.fixture
def sealed(web: Any) -> None:
    rules(("email", "question", "seal"), ("email", "answer", "seal"))


def test_the_owner_sees_values_and_nothing_else_does(
    alice: Client, model: ModelDouble, sealed: None, caplog: pytest.LogCaptureFixture
) -> None:
    model.words = [
        "Yes, ",
        "[em",
        "ail",
        " 1",
        "] may",
        " [1]; ask ",
        "bo",
        "b@exam",
        "ple.org, not Anna.Berg@",
        "example.org.",
    ]
    frames = asked(alice, QUESTION)
    assert text_of(frames) == f"Yes, {ANNA} may [1]; ask bob@example.org, not {ANNA}."
    question, answer = Message.objects.order_by("created_at")
    assert question.text == "May [email 1] take leave?"
    assert answer.text == "Yes, [email 1] may [1]; ask [email 2], not [email 1]."
    for kept in (everything_stored(), json.dumps(model.calls), str(caches["answers"].__dict__), caplog.text):
        assert "anna" not in kept.lower() and "bob@" not in kept
    assert "[email 1]" in json.dumps(model.calls)
    asked_again, answered = history(alice)
    assert asked_again["text"] == QUESTION and answered["text"] == text_of(frames)
    assert "@" not in Conversation.objects.get().title


def test_a_question_is_told_at_once_as_its_writer_finds_it_later(
    alice: Client, model: ModelDouble, sealed: None
) -> None:
    rules(("secret", "question", "mask"))
    model.words = ["Yes [1]."]
    with alice.socket() as socket:
        first = socket.ask(f"May {ANNA} have AKIAIOSFODNN7EXAMPLE?")
        socket.until("done")
        assert first["text"] == f"May {ANNA} have [secret removed]?" == history(alice)[0]["text"]
        edit = {"type": "edit", "id": "e", "message": first["question"], "text": "No AKIAIOSFODNN7EXAMPLE?"}
        socket.send(edit)
        edited = socket.until("accepted")[-1]
        socket.until("done")
        assert edited["text"] == "No [secret removed]?"
        plain = socket.ask("Nothing in here?")
        assert "text" not in plain
        socket.until("done")


def test_placeholders_stay_the_same_in_a_conversation(alice: Client, model: ModelDouble, sealed: None) -> None:
    model.words = ["Yes [1]."]
    with alice.socket() as socket:
        first = socket.ask(QUESTION)
        socket.until("done")
        socket.ask(
            f"And with bob@example.org, not {ANNA.upper()}?",
            conversation=first["conversation"],
            parent=first["answer"],
        )
        socket.until("done")
    texts = [row.text for row in Message.objects.filter(role="user").order_by("created_at")]
    assert list(texts) == ["May [email 1] take leave?", "And with [email 2], not [email 1]?"]
    assert MaskedValue.objects.count() == 2
    assert "anna" not in json.dumps(model.calls).lower()


def test_nobody_else_is_given_the_values(alice: Client, bob: Client, model: ModelDouble, sealed: None) -> None:
    model.words = ["Ask [email 1] [1]."]
    asked(alice, QUESTION)
    conversation = Conversation.objects.get()
    assert bob.get(f"/api/conversations/{conversation.pk}/").status_code == 404
    shown = answers.messages(bob.user, conversation.messages.prefetch_related("citations"))
    assert ANNA not in json.dumps(shown) and "[email 1]" in json.dumps(shown)


def test_a_resumed_answer_bears_the_values(alice: Client, model: ModelDouble, sealed: None) -> None:
    model.words = ["Ask ", "[email", " 1] ", "[1]."]
    with alice.socket() as socket:
        accepted = socket.ask(QUESTION)
        socket.until("done")
    with alice.socket() as socket:
        socket.send({"type": "resume", "turn": accepted["turn"], "after": 0})
        frames = socket.until("done")
    assert f"Ask {ANNA} [1]." in json.dumps(frames)


def test_values_end_with_the_key_of_their_owner(alice: Client, model: ModelDouble, sealed: None) -> None:
    model.words = ["Yes [1]."]
    asked(alice, QUESTION)
    destroy(alice.user.pk)
    wait_until(lambda: (history(alice)[0]["error"] or {}).get("code") == "cannot_be_opened", every_s=0.5)
    assert [one["text"] for one in history(alice)] == ["", ""]


def test_places_in_an_answer_move_with_the_values(alice: Client, model: ModelDouble, sealed: None) -> None:
    model.words = ["Ask [email 1] [1]. Then go."]
    asked(alice, QUESTION)
    answer = Message.objects.get(role="assistant")
    stands = answer.text.index("Then")
    answer.unsupported = [[stands, len(answer.text)]]
    answer.written_by = [{"engine": "local: a", "from": 0}, {"engine": "local: b", "from": stands}]
    answer.save()
    shown = history(alice)[1]
    assert [one["from"] for one in shown["written_by"]] == [0, shown["text"].index("Then")]
    ((start, end),) = shown["unsupported"]
    assert shown["text"][start:end] == "Then go."
