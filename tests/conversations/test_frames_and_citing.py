"""Frames are read strictly, and marks that do not exist never reach a screen."""

from __future__ import annotations

import json
import random

import pytest

from chatapp.conversations import frames
from chatapp.conversations.citing import MarkFilter, cite
from chatapp.errors import Invalid
from inference.engine import Source


@pytest.mark.parametrize(
    "text",
    [
        "garbage",
        "[]",
        "{}",
        '{"type": "nothing"}',
        '{"type": "ask", "id": "1"}',
        '{"type": "ask", "id": "1", "text": "  "}',
        '{"type": "ask", "id": "", "text": "x"}',
        '{"type": "ask", "id": "1", "text": "x", "conversation": "7"}',
        '{"type": "resume", "turn": "7", "after": 0}',
        '{"type": "resume", "turn": "00000000-0000-0000-0000-000000000000", "after": -1}',
        '{"type": "stop"}',
        json.dumps({"type": "ask", "id": "1", "text": "x" * 70_000}),
        None,
    ],
)
def test_a_malformed_frame_is_refused_with_a_sentence(text: str | None):
    with pytest.raises(Invalid) as caught:
        frames.parse(text)
    assert caught.value.user_message


def test_a_question_is_read():
    frame = frames.parse('{"type": "ask", "id": "1", "text": " How long? ", "conversation": null}')
    assert frame == frames.Ask(id="1", text="How long?")


def test_a_mark_without_a_source_is_dropped_however_the_text_is_cut():
    text = "Thirty days [1]. Ask first [7]. See [2][12]. A list[0] stays out, [x] stays."
    rng = random.Random(3)
    for _ in range(200):
        marks = MarkFilter(frozenset({1, 2}))
        cuts = sorted(rng.sample(range(len(text)), 5))
        parts = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        shown = "".join(marks.push(part) for part in parts) + marks.rest()
        assert shown == "Thirty days [1]. Ask first . See [2]. A list stays out, [x] stays."


def test_a_citation_quotes_the_sentence_that_supports_the_claim():
    source = Source(1, "leave.md", "Ask two weeks ahead. Full-time employees have 28 days. Unused days expire.")
    (cited,) = cite("You have 28 days of leave as a full-time employee [1].", [source])
    assert cited.quote == "Full-time employees have 28 days."
