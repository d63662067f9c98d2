"""Where sentences end, and that finding it takes no longer for hostile text than for any other."""

from __future__ import annotations

import random

import pytest

from inference import sentences as module
from inference.sentences import content_words, sentences
from tests.effort import grows_evenly

PIECES = (
    "A. ", "Mr. ", "xMr. ", "St. ", "approx. ", "e.g. ", "z.B. ", "Nr. 5 ", "Abs.", "etc.\n", "The office ", "opens. ",
    "Why? ", "“Yes.” ", "(No.) ", "3.5 ", "Übung. ", "…", "。", "！", "\n", "\n\n", "  ", "\t", "— ", "ABC. ", "a.b. ",
    '"', "”", "]", ". ", ".", "'", "\x1c", "\u00a0", "É. ", "_A. ", "Vol. ",
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? “Four.” Five", ["One.", "Two!", "Three?", "“Four.”", "Five"]),
        ("Mr. Grey has 3.5 days. Ask Dr. White.", ["Mr. Grey has 3.5 days.", "Ask Dr. White."]),
        ("a | b\n1 | 2", ["a | b", "1 | 2"]),
        ("これは。あれは？", ["これは。", "あれは？"]),
        (" \n ", []),
    ],
)
def test_sentences_end_where_a_reader_says(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "The change in net sales is mostly the weakness in foreign\ncurrencies relative to the dollar. It fell.",
            [
                "The change in net sales is mostly the weakness in foreign\ncurrencies relative to the dollar.",
                "It fell.",
            ],
        ),
        (
            "Visitors are registered at the desk of the United\nNations, where badges are; the office of"
            " the host\nwill be told.",
            [
                "Visitors are registered at the desk of the United\nNations, where badges are; the office of"
                " the host\nwill be told."
            ],
        ),
        ("Travel expenses\nSend receipts within ten days.", ["Travel expenses", "Send receipts within ten days."]),
        (
            "Cover for premium luggage up to 900 euros\n- travel home by ambulance",
            ["Cover for premium luggage up to 900 euros", "- travel home by ambulance"],
        ),
        (
            "signatures of the team lead and of finance | 500 euros\nmore | the board",
            ["signatures of the team lead and of finance | 500 euros", "more | the board"],
        ),
    ],
)
def test_the_lines_of_a_page_are_no_sentences(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def _plain(text: str) -> list[str]:
    """As simply as it can be said, and with the square of the text's length as its cost."""
    found, start = [], 0
    for match in module._END.finditer(text):
        if match[4] == "\n" and module._goes_on(text, match.start(4)):
            continue
        end = match.end(1) if match[1] else match.end(3) if match[3] else match.start(4)
        piece = text[start:end].strip()
        if match[1] and module._ABBREVIATION.search(piece):
            continue
        found.append(piece)
        start = match.end()
    return [piece for piece in [*found, text[start:].strip()] if piece]


def test_the_quick_way_finds_the_same_sentences_as_the_plain_one() -> None:
    rng = random.Random(11)
    for _ in range(4000):
        text = "".join(rng.choices(PIECES, k=rng.randrange(1, 25)))
        assert sentences(text) == _plain(text), text


@pytest.mark.parametrize(
    "unit",
    ["A. ", "Mr. ", "e.g. A", ". ", "? A", ".'", ". \n ", ".\t", "“A.” ", "。", "\n", " ", "A.\n", "ay"],
)
def test_no_text_takes_more_than_its_length(unit: str) -> None:
    assert grows_evenly(sentences, unit)
    assert grows_evenly(content_words, unit)
