"""Files as they come: read by their content, refused with a reason, never fatal."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from chatapp.operations.first_run import SAMPLE
from retrieval.chunking import chunk_document
from retrieval.config import ParseLimits
from retrieval.errors import DocumentRejected
from retrieval.parsing import parse_file
from tests.parsing.compound_file import outlook_message


@pytest.mark.parametrize("sample", sorted(SAMPLE.iterdir()), ids=lambda path: path.name)
def test_each_sample_document_is_read_from_a_path_without_ending(sample: Path, tmp_path: Path):
    stored = tmp_path / "0123abcd"
    shutil.copy(sample, stored)
    _, document = parse_file(stored, sample.name, ParseLimits())
    assert document.title
    assert sum(len(block.text) for block in document.blocks) > 100


def rejected(tmp_path: Path, content: bytes, name: str, **limits: int) -> DocumentRejected:
    path = tmp_path / "stored"
    path.write_bytes(content)
    with pytest.raises(DocumentRejected) as caught:
        parse_file(path, name, ParseLimits(**limits))
    assert caught.value.user_message and caught.value.advice
    return caught.value


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"", "empty.txt", "empty"),
        (b" \n\t ", "blank.txt", "empty"),
        (b"<!doctype html><html><body><p>Hello there</p></body></html>", "report.pdf", "wrong_type"),
        (b"PK\x03\x04 and then nothing", "broken.docx", "corrupt"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "photo.png", "unsupported"),
        (b"%PDF-1.7 and then nothing", "broken.pdf", "corrupt"),
        (bytes(range(256)) * 10, "data.bin", "unsupported"),
        (outlook_message("Parking", "Level 3.")[:1600], "cut.msg", "corrupt"),
        (outlook_message("Parking", "Level 3."), "parking.pdf", "wrong_type"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, content: bytes, name: str, code: str):
    assert rejected(tmp_path, content, name).code == code


def test_an_outlook_message_is_read_with_its_subject_and_paragraphs(tmp_path: Path):
    path = tmp_path / "stored"
    path.write_bytes(outlook_message("Parking", "Visitors park on level 3.\r\n\r\nBring the blue permit."))
    media_type, document = parse_file(path, "parking.msg", ParseLimits())
    assert (media_type, document.title) == ("application/vnd.ms-outlook", "Parking")
    assert [b.text for b in document.blocks] == [
        "Subject: Parking",
        "Visitors park on level 3.",
        "Bring the blue permit.",
    ]


def test_a_container_that_unpacks_to_too_much_is_not_opened(tmp_path: Path):
    bomb = tmp_path / "bomb.docx"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", bytes(60_000_000))
    assert rejected(tmp_path, bomb.read_bytes(), "bomb.docx").code == "bomb"


def test_too_much_text_is_refused(tmp_path: Path):
    assert rejected(tmp_path, b"word " * 1000, "long.txt", characters=100).code == "too_large"


def test_a_broken_file_leaves_the_next_one_readable(tmp_path: Path):
    rejected(tmp_path, b"%PDF-1.7 and then nothing", "broken.pdf")
    path = tmp_path / "fine.md"
    path.write_text("# Leave\n\nThirty days a year.")
    assert parse_file(path, "fine.md", ParseLimits())[1].title == "Leave"


def test_a_long_table_repeats_its_header_and_every_passage_fits(tmp_path: Path):
    path = tmp_path / "prices.csv"
    path.write_text("Product,Price\n" + "\n".join(f"Sensor number {n},{n} euros" for n in range(300)))
    _, document = parse_file(path, "prices.csv", ParseLimits())
    chunks = chunk_document(document, count_tokens=lambda t: len(t.split()), max_tokens=60, overlap_tokens=10)
    assert len(chunks) > 10
    assert all(chunk.text.startswith("Product | Price") and len(chunk.text.split()) <= 70 for chunk in chunks)
    assert all(any(f"number {n} " in chunk.text for chunk in chunks) for n in range(300))
