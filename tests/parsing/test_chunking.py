"""The headings above a passage are those of all of its text."""

from __future__ import annotations

from retrieval.chunking import chunk_document
from retrieval.contracts import Block, Chunk, ParsedDocument


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


def packed(*blocks: Block) -> Chunk:
    document = ParsedDocument("Handbook", blocks)
    chunks = chunk_document(document, count_tokens=lambda text: len(text.split()), max_tokens=100, overlap_tokens=0)
    assert len(chunks) == 1
    return chunks[0]


def heading(text: str, level: int) -> Block:
    return Block("heading", text, level=level)


def paragraph(text: str) -> Block:
    return Block("paragraph", text)
