"""Files as they come: read by their content, refused with a reason, never fatal."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from chatapp.operations.first_run import SAMPLE
from retrieval.config import ParseLimits
from retrieval.cutting.chunking import chunk_document
from retrieval.errors import DocumentRejected
from retrieval.parsing.sandbox import parse_file
from tests.parsing.compound_file import compound_directory, outlook_message


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
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "photo.png", "corrupt"),
        (b"GIF89a" + bytes(100), "photo.gif", "unsupported"),
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


def endless_directory(members: int) -> bytes:
    """A ZIP file that is nothing but its list of members (zip64)."""
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 0, 20, *[0] * 8, 1, *[0] * 6) + b"a"
    start = b"PK\x03\x04" + bytes(26)
    end = len(start) + members * len(entry)
    return (
        start
        + entry * members
        + struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, members, members, members * len(entry), len(start))
        + struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
        + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    )


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("members.docx", endless_directory(400_000), "bomb"),
        ("streams.msg", compound_directory(100_000), "unsupported"),
    ],
)
def test_a_list_of_members_is_read_where_memory_is_limited(tmp_path: Path, name: str, content: bytes, code: str):
    path = tmp_path / "stored"
    path.write_bytes(content)
    script = (
        "import re, sys; from pathlib import Path\n"
        "from retrieval.config import ParseLimits; from retrieval.errors import DocumentRejected\n"
        "from retrieval.parsing.sandbox import parse_file\n"
        "def most(): return int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])\n"
        "before = most()\n"
        "try: parse_file(Path(sys.argv[1]), sys.argv[2], ParseLimits())\n"
        "except DocumentRejected as error: code = error.code\n"
        "print(code, most() - before)"
    )
    command = [sys.executable, "-c", script, str(path), name]
    said, grown_kb = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout.split()[-2:]
    assert said.decode() == code and int(grown_kb) < 20_000
