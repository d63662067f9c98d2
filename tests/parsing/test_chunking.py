"""Passages: the headings above one are those of all of its text, and no text makes one without bound."""

from __future__ import annotations

import time
import unicodedata
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from retrieval.contracts import Block, Box, Chunk, ParsedDocument
from retrieval.cutting.boxes import merged
from retrieval.cutting.chunking import chunk_document
from retrieval.cutting.units import CHARACTERS_A_TOKEN, bounded, units
from retrieval.embedders.model_folders import PACKAGED_MODEL
from retrieval.embedders.tokenizer import load_tokenizer


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


RUN = 200_000


@pytest.mark.parametrize("kind", ["paragraph", "code", "table"])
def test_the_time_for_a_run_of_any_character_grows_with_its_length(kind: Any) -> None:
    runs = [" ", "\t", "\n", "\r", ".", '"', "a", "-", "7", "\u0301", "。", " \n", "\f\n", ". ", '."', "a\u0301"]
    for run in runs:
        text = "Begin. " + run * (RUN // len(run)) + "end"
        began = time.process_time()
        for _ in units([Block(kind, text, rows=((text, "1"),))], bounded(len, 300), 300):
            pass
        assert time.process_time() - began < 2, repr(run)


def heading(text: str, level: int) -> Block:
    return Block("heading", text, level=level)


def paragraph(text: str) -> Block:
    return Block("paragraph", text)


def test_each_part_of_a_split_text_keeps_the_boxes_of_its_own_lines() -> None:
    lines = [f"Line number {n} of the page says what is to be done." for n in range(40)]
    boxes = tuple(Box(1, 0.1, 0.02 * n, 0.9, 0.02 * n + 0.014) for n in range(40))
    chunks = cut(Block("paragraph", "\n".join(lines), page=1, boxes=boxes), size=60, overlap=0)
    assert len(chunks) > 5
    for chunk in chunks:
        numbers = [n for n, line in enumerate(lines) if line in chunk.text]
        (box,) = chunk.boxes
        assert (box.top, box.bottom) == (round(0.02 * numbers[0], 4), round(0.02 * numbers[-1] + 0.014, 4))


def test_rows_of_a_table_keep_their_boxes_and_that_of_the_header_on_the_same_page() -> None:
    rows = (("Product", "Price"), *((f"Sensor {n}", f"{n} euros") for n in range(40)))
    boxes = tuple(Box(1 if n < 30 else 2, 0.1, 0.02 * (n % 30), 0.9, 0.02 * (n % 30) + 0.012) for n in range(41))
    chunks = cut(Block("table", "", page=1, rows=rows, boxes=boxes), size=60, overlap=0)
    assert all(chunk.text.startswith("Product | Price") for chunk in chunks)
    assert all(any(box.page == 1 and box.top == 0 for box in chunk.boxes) for chunk in chunks[:2])
    assert {box.page for box in chunks[-1].boxes} == {2}


def test_boxes_that_do_not_match_the_lines_stay_whole() -> None:
    boxes = (Box(1, 0.1, 0.1, 0.9, 0.2), Box(1, 0.1, 0.6, 0.9, 0.7))
    chunks = cut(Block("paragraph", "One. " * 200, boxes=boxes), size=40, overlap=0)
    assert len(chunks) > 1 and all(chunk.boxes == boxes for chunk in chunks)


def test_two_columns_stay_two_boxes_and_a_raised_letter_makes_none() -> None:
    left = [Box(1, 0.1, 0.1 + 0.02 * n, 0.45, 0.112 + 0.02 * n) for n in range(10)]
    right = [Box(1, 0.55, 0.1 + 0.02 * n, 0.9, 0.112 + 0.02 * n) for n in range(10)]
    assert merged([*left, *right]) == (Box(1, 0.1, 0.1, 0.45, 0.292), Box(1, 0.55, 0.1, 0.9, 0.292))
    raised = [Box(1, 0.1, 0.1, 0.5, 0.112), Box(1, 0.5, 0.098, 0.9, 0.11), Box(1, 0.1, 0.12, 0.9, 0.132)]
    assert merged(raised) == (Box(1, 0.1, 0.098, 0.9, 0.132),)


def test_lines_of_a_turned_page_make_one_box() -> None:
    lines = [Box(1, 0.8 - 0.02 * n, 0.1, 0.812 - 0.02 * n, 0.9) for n in range(10)]
    assert merged(lines) == (Box(1, 0.62, 0.1, 0.812, 0.9),)


def test_the_end_of_a_passage_is_repeated_at_the_beginning_of_the_next() -> None:
    text = " ".join(f"Rule number {n} says that leave is asked for {n} days ahead." for n in range(40))
    chunks = cut(paragraph(text), size=80, overlap=20)
    assert len(chunks) > 3
    for before, after in pairwise(chunks):
        first = after.text.split(".")[0] + "."
        assert before.text.endswith(first) and first.startswith("Rule number")


def test_a_passage_ends_where_a_paragraph_does_rather_than_in_its_first_sentence() -> None:
    one = " ".join(f"The first paragraph has sentence {n}." for n in range(16))
    two = " ".join(f"Another paragraph has sentence {n}." for n in range(16))
    chunks = cut(paragraph(f"{one}\n\n{two}"), size=135, overlap=0)
    assert [chunk.text for chunk in chunks] == [one, two]


def test_lines_of_code_keep_their_indentation() -> None:
    code = "def leave():\n" + "\n".join(f"    day_{n} = {n}" for n in range(80))
    chunks = cut(Block("code", code), size=60, overlap=0)
    assert len(chunks) > 3 and "\n".join(chunk.text for chunk in chunks) == code


def test_a_passage_of_a_sheet_says_which_rows_it_holds() -> None:
    rows = (("Product", "Price"), *((f"Sensor {n}", f"{n} euros") for n in range(2, 41)))
    chunks = cut(Block("table", "", page=1, rows=rows, locator="sheet Prices, B1:C40"), size=60, overlap=0)
    assert len(chunks) > 3 and chunks[0].locator.startswith("sheet Prices, B2:C")
    for chunk in chunks:
        held = [int(line.split()[1]) for line in chunk.text.splitlines()[1:]]
        assert chunk.locator == f"sheet Prices, B{held[0]}:C{held[-1]}"


def test_rows_below_a_header_that_stands_elsewhere_are_numbered_as_in_the_sheet() -> None:
    rows = (("Product", "Price"), *((f"Sensor {n}", f"{n} euros") for n in range(501, 541)))
    chunks = cut(Block("table", "", page=1, rows=rows, locator="sheet Prices, B501:C540"), size=60, overlap=0)
    assert chunks[0].locator.startswith("sheet Prices, B501:C5") and chunks[-1].locator.endswith(":C540")


def test_a_table_whose_empty_rows_were_left_out_keeps_the_place_of_the_whole() -> None:
    rows = (("Product", "Price"), *((f"Sensor {n}", f"{n} euros") for n in range(40)))
    chunks = cut(Block("table", "", page=1, rows=rows, locator="sheet Prices, B1:C90"), size=60, overlap=0)
    assert {chunk.locator for chunk in chunks} == {"sheet Prices, B1:C90"}


@pytest.mark.parametrize(
    ("places", "covers"),
    [
        (["sheet Prices, A1:F9", "sheet Prices, H2:AB40"], "sheet Prices, A1:AB40"),
        (["sheet Prices, B1", "sheet Prices, A3:F9"], "sheet Prices, A1:F9"),
        (["sheet Prices, A1:F9", "sheet Costs, A1:B2"], "sheet Prices, A1:F9 to sheet Costs, A1:B2"),
        (["slide 3", "slide 3, notes"], "slide 3"),
        (["slide 3", "slide 3, notes", "slide 4"], "slides 3-4"),
        (["slide 3, notes"], "slide 3, notes"),
        (["attachment a.pdf, page 1", "attachment a.pdf, page 2"], "attachment a.pdf, pages 1-2"),
        (
            ["attachment a.pdf, page 1", "attachment b.pdf, page 2"],
            "attachment a.pdf, page 1 to attachment b.pdf, page 2",
        ),
        (["lines 1-9", "line 11"], "lines 1-11"),
        (["customers[0].name", "customers[3]"], "customers[0].name to customers[3]"),
        (["", "footnote 1"], ""),
        (["a" * 150, "b" * 150], "a" * 150),
    ],
)
def test_a_passage_of_several_pieces_says_where_all_of_them_stand(places: list[str], covers: str) -> None:
    blocks = [Block("paragraph", f"Piece {number}.", locator=place) for number, place in enumerate(places)]
    assert packed(*blocks).locator == covers


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
