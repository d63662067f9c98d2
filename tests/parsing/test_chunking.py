"""Passages: the headings above one are those of all of its text, and no text makes one without bound."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from retrieval.chunking import CHARACTERS_A_TOKEN, chunk_document
from retrieval.contracts import Block, Chunk, ParsedDocument
from retrieval.tokenizer import PACKAGED_MODEL, load_tokenizer


def test_the_heading_of_a_passage_is_what_its_sections_share_from_the_top_down() -> None:
    passage = packed(
        heading("Handbook", 1),
        heading("Berlin", 2),
        heading("Opening hours", 3),
        paragraph("From nine to five."),
        heading("Munich", 2),
        heading("Opening hours", 3),
        paragraph("From eight to four."),
    )
    assert passage.heading == "Handbook"
    assert passage.text.splitlines() == [
        "Berlin > Opening hours",
        "From nine to five.",
        "Munich > Opening hours",
        "From eight to four.",
    ]


def test_a_section_and_what_stands_deeper_in_it_share_the_section() -> None:
    passage = packed(heading("Leave", 1), paragraph("28 days."), heading("Parents", 2), paragraph("One year more."))
    assert passage.heading == "Leave"
    assert passage.text.splitlines() == ["28 days.", "Parents", "One year more."]


def heading(text: str, level: int) -> Block:
    return Block("heading", text, level=level)


def paragraph(text: str) -> Block:
    return Block("paragraph", text)


LONG = 60_000
HOSTILE = {
    "a long word": paragraph("a" * 3_000_000),
    "a long line": paragraph("lorem ipsum " * (LONG // 12)),
    "spaces between few words": paragraph(f"one{' ' * LONG}two"),
    "one sentence of unknown words": paragraph(f"{'x' * 150} " * (LONG // 151)),
    "quotation marks": paragraph('."' * (LONG // 2)),
    "Chinese": paragraph("年次有給休暇" * (LONG // 6)),
    "Thai without spaces": paragraph("วันลาพักร้อน" * (LONG // 12)),
    "a letter with combining marks": paragraph("a" + "\u0301\u0323" * (LONG // 2)),
    "many letters with combining marks": paragraph("a\u0301\u0323" * (LONG // 3)),
    "emoji joined to one": paragraph("👩\u200d" * (LONG // 2)),
    "a table cell": Block("table", "", rows=(("name", "value"), ("blob", "b" * 1_000_000), ("after", "1"))),
    "a table header": Block("table", "", rows=(("h" * LONG, "value"), ("name", "1"))),
    "rows of many cells": Block("table", "", rows=(("n",) * 5000, *(("v",) * 5000,) * 5)),
    "code": Block("code", "{" * LONG),
    "a list": Block("list", "- " + "item" * (LONG // 4)),
    "a heading": heading("h" * LONG, 1),
    "a locator": Block("paragraph", "Short.", locator="sheet " + "s" * LONG),
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("size", [40, 220])
def test_no_text_makes_a_passage_without_bound(hostile: Block, size: int) -> None:
    around = (heading("Handbook", 1), paragraph("Before. It stands here."), hostile, paragraph("After all."))
    chunks = cut(*around, size=size, overlap=size // 7)
    assert_bounded(chunks, size)
    whole = "".join("".join(chunk.text for chunk in chunks).split())
    for word in ("Before.", "Itstandshere.", "Afterall."):
        assert word in whole
    if hostile.kind == "heading":
        return  # what stands above a text is kept short
    letters = max((hostile.text, *(cell for row in hostile.rows for cell in row)), key=len)
    assert len(whole) >= len("".join(letters.split())) * 0.99, "nothing is left out"


def test_the_headings_that_a_passage_repeats_are_bounded_too() -> None:
    blocks = [
        block
        for number in range(200)
        for level in range(1, 10)
        for block in (heading(f"{number}.{level} " + "long " * 60, level), paragraph("x"))
    ]
    assert_bounded(cut(*blocks, size=220, overlap=30), 220)


def test_a_mark_stays_with_its_letter_where_a_long_word_is_cut() -> None:
    for chunk in cut(paragraph("e\u0301" * 30_000), size=40, overlap=0):
        assert not unicodedata.combining(chunk.text[0])


@hypothesis_settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["heading", "paragraph", "table", "code"]),
            st.lists(st.sampled_from([". ", "\n", " ", "Word", "字", "x" * 90, "a\u0301", '"', "! A"]), max_size=60),
            st.integers(1, 60),
            st.integers(1, 6),
        ),
        max_size=8,
    ),
    st.integers(10, 60),
)
def test_any_document_is_cut_into_bounded_passages(drawn: list[Any], size: int) -> None:
    blocks = []
    for kind, parts, times, level in drawn:
        text = "".join(parts) * times
        rows = tuple((line, "1") for line in text.split("\n")) if kind == "table" else ()
        blocks.append(Block(kind, text, level=level, rows=rows, locator=text))
    assert_bounded(cut(*blocks, size=size, overlap=size // 5), size)


def cut(*blocks: Block, size: int, overlap: int) -> list[Chunk]:
    count = load_tokenizer(PACKAGED_MODEL)
    document = ParsedDocument("Handbook", blocks)
    return chunk_document(document, count_tokens=count, max_tokens=size, overlap_tokens=overlap)


def assert_bounded(chunks: list[Chunk], size: int) -> None:
    for chunk in chunks:
        assert len(chunk.text) <= size * CHARACTERS_A_TOKEN
        assert len(chunk.heading) <= 1000 and len(chunk.locator) <= 200


def packed(*blocks: Block) -> Chunk:
    document = ParsedDocument("Handbook", blocks)
    chunks = chunk_document(document, count_tokens=lambda text: len(text.split()), max_tokens=100, overlap_tokens=0)
    assert len(chunks) == 1
    return chunks[0]
