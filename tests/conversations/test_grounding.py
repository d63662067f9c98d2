"""Which sentences of an answer are told to rest on nothing, live, in the history and to programs."""

from __future__ import annotations

from chatapp.conversations.models import Message
from tests.conversations.model_double import ModelDouble
from tests.conversations.test_content_rules import asked
from tests.conversations.web import Client, text_of

MADE_UP = "The cafeteria serves 17 vegetarian dishes on Fridays [1]."


def test_a_sentence_that_was_made_up_is_told_live_and_later(alice: Client, model: ModelDouble) -> None:
    model.words = ["Every employee has 25 days of leave [1]. ", MADE_UP[:20], MADE_UP[20:]]
    frames = asked(alice)
    (told,) = [frame["unsupported"] for frame in frames if frame["type"] == "grounding"]
    assert [frame["type"] for frame in frames].index("grounding") < len(frames) - 1
    text = text_of(frames)
    assert MADE_UP in [text[start:end] for start, end in told]
    answer = Message.objects.get(role="assistant")
    shown = alice.get(f"/api/conversations/{answer.conversation_id}/").json()["messages"]
    assert answer.unsupported == told and [one["unsupported"] for one in shown] == [None, told]


def test_marks_of_sources_that_do_not_exist_are_never_shown(alice: Client, model: ModelDouble) -> None:
    model.words = ["Leave is 25 days [", "9", "9", "] and [1][", "42]."]
    frames = asked(alice)
    assert text_of(frames) == "Leave is 25 days  and [1]."
    assert Message.objects.get(role="assistant").text == text_of(frames)
