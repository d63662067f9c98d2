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


def test_half_a_sentence_of_a_stopped_answer_is_not_judged(alice: Client, model: ModelDouble) -> None:
    model.words, model.pause_s = [f"{MADE_UP} ", "The moon ", *["and cheese "] * 200], 0.05
    with alice.socket() as socket:
        accepted = socket.ask()
        while "cheese" not in socket.until("text")[-1]["text"]:
            pass
        socket.send({"type": "stop", "turn": accepted["turn"]})
        socket.until("done")
    answer = Message.objects.get(role="assistant")
    assert answer.status == Message.Status.STOPPED and "cheese" in answer.text
    assert [answer.text[start:end] for start, end in answer.unsupported] == [MADE_UP]
