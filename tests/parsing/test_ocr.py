"""Scanned pages and pictures: read by Tesseract where it is installed, and named with a way out where it is not."""

from __future__ import annotations

import shutil
import time
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.errors import DocumentRejected
from retrieval.parsing import sandbox
from retrieval.parsing.sandbox import parse_file
from tests.parsing.pdf_file import Page, pdf

needs_tesseract = pytest.mark.skipif(not shutil.which("tesseract"), reason="Tesseract is not installed")
LINES = ["Visitors park on level 3 of the garage.", "They bring a blue permit.", "The gate opens at seven."]


def scan(lines: list[str], size: int = 30) -> Image.Image:
    picture = Image.new("L", (1200, 1600), 255)
    font = ImageFont.load_default(size=size)
    for number, line in enumerate(lines):
        ImageDraw.Draw(picture).text((120, 200 + 60 * number), line, fill=0, font=font)
    return picture


def scanned_page(lines: list[str]) -> Page:
    picture = scan(lines)
    return Page(picture=(picture.width, picture.height, picture.tobytes()))


def read(tmp_path: Path, content: bytes, name: str, **limits: object) -> ParsedDocument:
    path = tmp_path / "stored"
    path.write_bytes(content)
    return parse_file(path, name, ParseLimits(**limits))[1]  # type: ignore[arg-type]


def packed(picture: Image.Image, kind: str, **how: object) -> bytes:
    out = BytesIO()
    picture.save(out, kind, **how)
    return out.getvalue()


@needs_tesseract
def test_a_scanned_page_is_read_with_the_place_of_each_line(tmp_path: Path) -> None:
    document = read(tmp_path, pdf(scanned_page(LINES), Page().text(60, 700, "Typed on the second page.")), "scan.pdf")
    first = [block for block in document.blocks if block.page == 1]
    assert "\n".join(block.text for block in first) == "\n".join(LINES)
    boxes = [box for block in first for box in block.boxes]
    assert len(boxes) == 3 and not document.warnings
    assert boxes[0].left == pytest.approx(0.1, abs=0.01) and boxes[0].top == pytest.approx(205 / 1600, abs=0.01)
    assert boxes[1].top == pytest.approx(265 / 1600, abs=0.01)


@needs_tesseract
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP"])
def test_a_picture_of_text_is_a_document(tmp_path: Path, kind: str) -> None:
    document = read(tmp_path, packed(scan(LINES), kind), f"permit.{kind.lower()}")
    assert [block.text for block in document.blocks] == ["\n".join(LINES)]
    assert document.title == "permit" and document.blocks[0].boxes[0].page == 1


@needs_tesseract
def test_each_page_of_a_fax_is_read(tmp_path: Path) -> None:
    pages = [scan(["The first page of it."]), scan(["The second page of it."])]
    content = packed(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    document = read(tmp_path, content, "fax.tif")
    assert [(block.page, block.text) for block in document.blocks] == [
        (1, "The first page of it."),
        (2, "The second page of it."),
    ]


@needs_tesseract
def test_languages_that_are_not_installed_are_passed_by_and_none_at_all_is_named(tmp_path: Path) -> None:
    content = packed(scan(LINES), "PNG")
    assert read(tmp_path, content, "permit.png", ocr_languages="xxx+eng").blocks
    with pytest.raises(DocumentRejected) as caught:
        read(tmp_path, content, "permit.png", ocr_languages="xxx")
    assert caught.value.code == "no_text" and "tesseract-ocr-xxx" in caught.value.advice


@needs_tesseract
def test_recognition_has_a_time_of_its_own_beyond_that_of_reading(tmp_path: Path) -> None:
    pages = [scanned_page([f"Page {number} of a long scan."]) for number in range(4)]
    started = time.monotonic()
    document = read(tmp_path, pdf(*pages), "scan.pdf", seconds=200, ocr_seconds=0)
    assert time.monotonic() - started < 100
    assert any("3 pages could not be read" in warning for warning in document.warnings)
    assert {block.page for block in document.blocks} == {1}


def slow_tesseract(monkeypatch: pytest.MonkeyPatch, folder: Path, seconds: int) -> None:
    """One that waits for others rather than works."""
    program = folder / "tesseract"
    row = "5\t1\t1\t1\t1\t1\t100\t100\t200\t30\t96\tPermit"
    names = "level page_num block_num par_num line_num word_num left top width height conf text".replace(" ", "\t")
    program.write_text(
        f"""#!/bin/sh
[ "$1" = --list-langs ] && {{ printf 'List:\\neng\\n'; exit; }}
/bin/cat > /dev/null; /bin/sleep {seconds}; printf '{names}\\n{row}\\n'
"""
    )
    program.chmod(0o755)
    monkeypatch.setattr(sandbox, "_pool", sandbox._Pool())
    monkeypatch.setenv("PATH", str(folder))


def test_a_page_that_a_busy_machine_keeps_waiting_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow_tesseract(monkeypatch, tmp_path, seconds=7)  # its share of the work would be 4
    document = read(tmp_path, pdf(scanned_page(LINES)), "scan.pdf", seconds=10, ocr_seconds=60)
    assert [block.text for block in document.blocks] == ["Permit"] and not document.warnings


def test_a_page_that_took_too_long_is_not_said_to_be_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow_tesseract(monkeypatch, tmp_path, seconds=600)
    typed = Page().text(60, 700, "This page was typed and has more than a stamp on it.")
    document = read(tmp_path, pdf(typed, scanned_page(LINES)), "mixed.pdf", seconds=10, ocr_seconds=1)
    assert document.warnings[0].startswith("Text recognition took too long: 1 page could not be read.")
    for content, name in ((pdf(scanned_page(LINES)), "scan.pdf"), (packed(scan(LINES), "PNG"), "permit.png")):
        with pytest.raises(DocumentRejected) as caught:
            read(tmp_path, content, name, seconds=10, ocr_seconds=1)
        assert "took too long" in caught.value.user_message and "less busy" in caught.value.advice


def without_tesseract(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sandbox, "_pool", sandbox._Pool())
    monkeypatch.setenv("PATH", str(tmp_path))


def test_where_it_is_missing_a_scan_fails_with_the_way_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_tesseract(monkeypatch, tmp_path)
    for content, name in ((pdf(scanned_page(LINES)), "scan.pdf"), (packed(scan(LINES), "PNG"), "permit.png")):
        with pytest.raises(DocumentRejected) as caught:
            read(tmp_path, content, name)
        assert caught.value.code == "no_text"
        assert "not installed" in caught.value.user_message and "tesseract-ocr" in caught.value.advice


def test_where_it_is_missing_the_typed_pages_are_read_and_a_warning_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_tesseract(monkeypatch, tmp_path)
    typed = Page().text(60, 700, "This page was typed and has more than a stamp on it.")
    document = read(tmp_path, pdf(typed, scanned_page(LINES)), "mixed.pdf")
    assert [block.page for block in document.blocks] == [1]
    assert any("1 of 2 pages" in w for w in document.warnings)
    assert any("not installed" in w for w in document.warnings)
