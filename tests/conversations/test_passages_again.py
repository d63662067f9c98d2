"""Passages that may no longer be read are not opened by an answer that runs, is followed again or goes on."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group

from chatapp.conversations.models import Message
from retrieval.models import Collection, Document
from tests.conversations.conftest import PASSAGES
from tests.conversations.model_double import ModelDouble
from tests.conversations.web import Client, Frame, text_of
from tests.ingestion.fake_index import FakeIndex
from tests.waiting import wait_until

WORDS = ["Everybody has ", "28 days [1]. ", "Carried leave lapses [2]."]


def withdraw(how: str, handbook: Document) -> None:
    if how == "collection":
        handbook.collection.readers.clear()
    elif how == "document":
        Document.objects.filter(pk=handbook.pk).update(restricted=True)
        handbook.readers.set(Group.objects.filter(name="members"))
    else:
        Group.objects.get(name="owners").delete()


def words_shown(frames: list[Frame]) -> list[str]:
    """Of passages."""
    shown = [one for frame in frames for one in frame.get("sources", []) + frame.get("citations", [])]
    return [one[key] for one in shown for key in ("text", "heading", "quote") if one.get(key)]


@pytest.mark.parametrize("how", ["collection", "document", "group"])
def test_what_is_withdrawn_while_it_is_written_is_neither_cited_nor_shown_again(
    how: str, alice: Client, model: ModelDouble, handbook: Document
) -> None:
    model.words = list(WORDS)
    model.gate.clear()
    with alice.socket() as socket:
        accepted = socket.ask()
        before = socket.until("sources")
        assert words_shown(before) == list(PASSAGES), "what was shown stays"
        withdraw(how, handbook)
        model.gate.set()
        after = socket.until("done")
    assert text_of(after) == "".join(WORDS) and after[-1]["status"] == "complete"
    assert words_shown(after) == []
    with alice.socket() as socket:
        socket.resume(accepted["turn"])
        again = socket.until("done")
    assert words_shown(again) == [] and text_of(again) == "".join(WORDS)
    message = alice.message(accepted)
    assert len(message["sources"]) == len(message["citations"]) == 2 and words_shown([message]) == []
    assert alice.get(f"/api/passages/{message['sources'][0]['passage']}/").status_code == 404


def test_an_answer_that_goes_on_is_written_from_what_may_still_be_read(
    alice: Client, model: ModelDouble, handbook: Document
) -> None:
    model.words, model.pause_s = ["word "] * 200, 0.05
    with alice.socket() as socket:
        accepted = socket.ask()
        socket.until("text")
        socket.send({"type": "stop", "turn": accepted["turn"]})
        socket.until("done")
        withdraw("document", handbook)
        model.reset()
        socket.send({"type": "continue", "id": "b", "message": accepted["answer"]})
        frames = socket.until("done")
    assert words_shown(frames) == []
    assert all(text not in str(call) for call in model.calls for text in PASSAGES)


def test_filters_of_a_question_hold_for_its_other_answers_as_well(
    alice: Client, model: ModelDouble, handbook: Document, index: FakeIndex
) -> None:
    with alice.socket() as socket:
        accepted = socket.ask(filters={"types": ["pdf"], "since": "2025-01-31", "path": "reports/"})
        socket.until("done")
        for kind, message in (("regenerate", accepted["answer"]), ("edit", accepted["question"])):
            more: dict[str, Any] = {"text": "And then?"} if kind == "edit" else {}
            socket.send({"type": kind, "id": kind, "message": message, **more})
            socket.until("done")
        socket.ask()
        socket.until("done")
    narrowed = [(one["media_types"], one["since"], one["path_prefix"]) for one in index.searches]
    assert narrowed == [(["application/pdf"], "2025-01-31T00:00:00+00:00", "reports/")] * 3 + [([], None, "")]


def test_another_try_or_an_edit_may_search_something_else_and_each_answer_says_what_it_was_asked_of(
    alice: Client, model: ModelDouble, handbook: Document, index: FakeIndex
) -> None:
    here = [str(handbook.collection_id)]
    with alice.socket() as socket:
        first = socket.ask(collections=here, filters={"types": ["pdf"]})
        socket.until("done")
        again = {"type": "regenerate", "message": first["answer"]}
        socket.send({**again, "id": "b", "collections": None, "filters": {}})
        second = socket.until("done")[0]
        socket.send({**again, "id": "c"})
        third = socket.until("done")[0]
        socket.send({"type": "edit", "id": "d", "message": first["question"], "text": "?", "filters": {"path": "a/"}})
        edited = socket.until("done")[0]
    assert [one["media_types"] for one in index.searches] == [["application/pdf"], [], ["application/pdf"], []]
    asked_of = [
        (found["collections"], found["filters"]) for found in map(alice.message, (first, second, third, edited))
    ]
    narrowed = (here, {"types": ["application/pdf"]})
    assert asked_of == [narrowed, (None, None), narrowed, (None, {"path": "a/"})]


def test_a_search_names_the_groups_of_its_asker(alice: Client, handbook: Document, index: FakeIndex) -> None:
    Collection.objects.create(name="Secret")
    with alice.socket() as socket:
        accepted = socket.ask()
        socket.until("done")
    wait_until(lambda: Message.objects.get(pk=accepted["answer"]).status == "complete")
    (asked,) = index.searches
    assert asked["groups"] == [Group.objects.get(name="owners").pk]
    assert asked["collections"] == [str(handbook.collection_id)]
