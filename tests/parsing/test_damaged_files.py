"""Whatever happened to a file on its way: a parser answers with a document or with a reason."""

from __future__ import annotations

import json
import shutil
import tempfile
from functools import cache
from io import BytesIO
from pathlib import Path

import docx
import pptx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.errors import DocumentRejected
from retrieval.parsing import formats, ocr
from retrieval.parsing.sniff import sniff
from tests.parsing.compound_file import outlook_message
from tests.parsing.pdf_file import Page, pdf
from tests.parsing.test_attachments import attach, message, workbook
from tests.parsing.test_data_files import PYTHON, book

LIMITS = ParseLimits(seconds=20, characters=200_000, unpacked_bytes=20_000_000, pages=50)


def word() -> bytes:
    made = docx.Document()
    made.add_heading("Leave", 1)
    made.add_paragraph("Thirty days a year.")
    made.add_table(2, 2).cell(0, 0).text = "Cell"
    return saved(made)


def slides() -> bytes:
    show = pptx.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text = "Leave"
    slide.notes_slide.notes_text_frame.text = "Say it slowly."
    return saved(show)


def saved(made: object) -> bytes:
    content = BytesIO()
    made.save(content)  # type: ignore[attr-defined]
    return content.getvalue()


def table_page() -> bytes:
    page = Page().text(60, 760, "Prices")
    for y in (700, 680, 660, 640):
        page.line(60, y, 260, y).text(65, y - 14, "Sensor").text(165, y - 14, "12")
    for x in (60, 160, 260):
        page.line(x, 640, x, 700)
    return pdf(page, Page(rotate=90).text(60, 700, "Another page with words on it."))


def mail() -> bytes:
    made = message()
    attach(made, workbook(), "budget.xlsx")
    attach(made, table_page(), "prices.pdf")
    return made.as_bytes()


def picture() -> bytes:
    content = BytesIO()
    Image.new("L", (40, 30), 200).save(content, "PNG")
    return content.getvalue()


@cache
def samples() -> dict[str, bytes]:
    return {
        "a.pdf": table_page(),
        "a.docx": word(),
        "a.pptx": slides(),
        "a.xlsx": workbook(),
        "a.epub": book({"a": "<h1>One</h1><p>Text.</p>"}, ["a"]),
        "a.eml": mail(),
        "a.msg": outlook_message("Parking", "Level 3."),
        "a.html": b"<html><body><h1>A</h1><table><tr><td rowspan=9>x</td></tr></table><ol><li>b</ol></body></html>",
        "a.md": b"# A\n\n1. b\n   - c\n\n| x | y |\n|---|---|\n| 1 | 2 |\n",
        "a.py": PYTHON.encode(),
        "a.json": json.dumps({"items": [{"a": 1, "b": [1, {"c": None}]}, {"a": 2}]}).encode(),
        "a.jsonl": b'{"a": 1}\n{"b": [2]}\n',
        "a.xml": b"<r a='1'><i><n>x</n></i><i><n>y</n></i></r>",
        "a.ipynb": json.dumps({"cells": [{"cell_type": "code", "source": ["x"]}]}).encode(),
        "a.csv": b"a,b\n1,2\n",
        "a.png": picture(),
    }


changes = st.lists(
    st.one_of(
        st.tuples(st.just("cut"), st.floats(0, 1), st.just(b"")),
        st.tuples(st.just("put"), st.floats(0, 1), st.binary(min_size=1, max_size=12)),
        st.tuples(st.just("write"), st.floats(0, 1), st.binary(min_size=1, max_size=12)),
        st.tuples(st.just("drop"), st.floats(0, 1), st.binary(min_size=1, max_size=40)),
        st.tuples(st.just("twice"), st.floats(0, 1), st.binary(min_size=1, max_size=40)),
    ),
    min_size=1,
    max_size=4,
)


def changed(content: bytes, steps: list[tuple[str, float, bytes]]) -> bytes:
    for what, where, data in steps:
        at = int(where * len(content))
        if what == "cut":
            content = content[: max(at, 1)]
        elif what == "put":
            content = content[:at] + data + content[at:]
        elif what == "write":
            content = content[:at] + data + content[at + len(data) :]
        elif what == "drop":
            content = content[:at] + content[at + len(data) :]
        else:
            content = content[:at] + content[at : at + 30 * len(data)] * 2 + content[at:]
    return content


def parsed_or_refused(content: bytes, name: str) -> ParsedDocument | DocumentRejected:
    """In this process: what a parser raises is seen, where the parsing process would only be told to have died."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stored"
        path.write_bytes(content)
        try:
            return formats.parse(sniff(path, name, LIMITS).kind, path, name, LIMITS)
        except DocumentRejected as refused:
            return refused


@pytest.mark.parametrize("name", sorted(samples()))
def test_the_samples_are_sound(name: str) -> None:
    outcome = parsed_or_refused(samples()[name], name)
    assert isinstance(outcome, ParsedDocument) or name == "a.png"


@pytest.mark.parametrize("name", sorted(samples()))
@settings(
    max_examples=30,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=changes)
def test_a_damaged_file_is_read_or_refused_with_a_reason(
    monkeypatch: pytest.MonkeyPatch, name: str, steps: list[tuple[str, float, bytes]]
) -> None:
    monkeypatch.setattr(ocr.Reader, "_recognised", lambda self, picture: [])
    outcome = parsed_or_refused(changed(samples()[name], steps), name)
    if isinstance(outcome, DocumentRejected):
        assert outcome.code and outcome.user_message and outcome.advice
        return
    assert outcome.blocks and outcome.title
    for block in outcome.blocks:
        assert block.text and "\0" not in block.text and len(block.locator) <= 200
        assert all(0 <= box.left <= box.right <= 1 and 0 <= box.top <= box.bottom <= 1 for box in block.boxes)
        assert block.kind != "table" or not block.boxes or len(block.boxes) == len(block.rows)


@given(content=st.binary(min_size=1, max_size=300), name=st.sampled_from(sorted(samples())))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_noise_under_any_name_is_read_or_refused(content: bytes, name: str) -> None:
    outcome = parsed_or_refused(content, name)
    assert isinstance(outcome, ParsedDocument) or outcome.code


def test_nothing_is_left_in_the_folder_for_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from retrieval.parsing import sandbox
    from retrieval.parsing.sandbox import parse_file

    monkeypatch.setattr(sandbox, "_pool", sandbox._Pool())
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    stored = tmp_path / "stored"
    stored.write_bytes(mail())
    assert parse_file(stored, "mail.eml", ParseLimits())[1].blocks
    assert list(scratch.iterdir()) == []
    shutil.rmtree(scratch)
