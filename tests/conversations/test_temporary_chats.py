"""A temporary chat over the socket: answered, resumed, kept in no cache."""

from __future__ import annotations

from typing import Any

from chatapp.conversations.models import Conversation
from tests.conversations.model_double import ModelDouble
from tests.conversations.web import Client, text_of


def test_it_is_answered_resumed_and_closed(alice: Client, model: ModelDouble) -> None:
    model.words = ["28 ", "days ", "[1]."]
    with alice.socket() as socket:
        accepted = socket.ask(temporary=True)
        frames = socket.until("done")
    assert accepted["temporary"] is True and accepted["title"] == "" and text_of(frames) == "28 days [1]."
    with alice.socket() as socket:
        socket.resume(accepted["turn"])
        assert text_of(socket.until("done")) == "28 days [1]."
        more = socket.ask("And then?", conversation=accepted["conversation"], parent=accepted["answer"])
        assert more["temporary"] is True
        socket.until("done")
    assert alice.get("/api/conversations/").json()["conversations"] == []
    closed = alice.http.delete(f"/api/conversations/{accepted['conversation']}/", headers=alice.csrf())
    assert closed.status_code == 204
    assert not Conversation.objects.exists()


def test_what_runs_is_named_as_temporary(alice: Client, model: ModelDouble) -> None:
    model.gate.clear()
    with alice.socket() as socket:
        socket.ask(temporary=True)
        with alice.socket() as other:
            (running,) = other.hello["running"]
            assert running["temporary"] is True
        model.gate.set()
        socket.until("done")


def test_it_neither_leaves_an_answer_for_others_nor_is_given_one(alice: Client, model: ModelDouble) -> None:
    model.words = ["28 days [1]."]
    notes: list[Any] = []
    for temporary in (True, True, False, False, True):
        with alice.socket() as socket:
            socket.ask(temporary=temporary)
            frames = socket.until("done")
            notes.append([frame["note"] for frame in frames if frame["type"] == "writer"])
    assert len(model.calls) == 4, notes  # the second of those that are kept was answered from the cache


def test_temporary_is_true_or_false(alice: Client) -> None:
    with alice.socket() as socket:
        socket.send({"type": "ask", "id": "a", "text": "How much leave?", "temporary": "yes"})
        (error,) = [frame for frame in socket.until("error") if frame["type"] == "error"]
    assert error["code"] == "invalid" and "temporary" in error["message"]
