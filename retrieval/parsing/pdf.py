"""PDF: text in reading order through pdfium, headings by their size, ruled tables through pdfplumber.

pypdf opens the file first: it refuses bombs cleanly, where pdfium aborts the process.
"""

from __future__ import annotations

import logging
import statistics
from pathlib import Path
from typing import Any

import pdfplumber
import pypdf
import pypdfium2
import pypdfium2.raw as pdfium
from pypdf.errors import PyPdfError

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.errors import DocumentRejected
from retrieval.parsing.budget import Blocks
from retrieval.parsing.sniff import Bomb, Corrupt, Encrypted, TooLarge

logging.getLogger("pdfminer").setLevel(logging.ERROR)
_RULED = 12  # drawn lines or boxes on a page from which a table is looked for
_TABLE_PAGES = 40  # pdfplumber is sixty times slower than pdfium: no more pages of a document than this
_HEADING_RATIO = 1.15
_Line = tuple[str, float]  # with the height of its first character in points
_Table = list[list[str]]  # rows of cells


class NoText(DocumentRejected):
    code = "no_text"
    user_message = "The document holds no text, only pictures of it."
    advice = "Run text recognition (OCR) on it first and upload the result."


def parse(path: Path, limits: ParseLimits) -> ParsedDocument:
    title = _open_safely(path, limits)
    out = Blocks(limits.characters)
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise Corrupt(detail=str(error)) from error
    pages, ruled = _read_pages(document)
    body = _body_height(pages)
    tables = _tables(path, ruled)
    for index, lines in enumerate(pages):
        _add_page(out, index + 1, lines, body, tables.get(index, []))
    if not out.blocks:
        raise NoText
    empty = [i + 1 for i, lines in enumerate(pages) if not lines]
    warnings = (f"No text on {len(empty)} of {len(pages)} pages.",) if empty else ()
    return ParsedDocument(title, tuple(out.blocks), pages=len(pages), warnings=warnings)


def _read_pages(document: Any) -> tuple[list[list[_Line]], set[int]]:
    """-> the lines of each page, and the pages on which a table may stand."""
    ruled: set[int] = set()
    pages: list[list[_Line]] = []
    for index in range(len(document)):
        try:
            page = document[index]
        except pypdfium2.PdfiumError:
            pages.append([])
            continue
        if len(ruled) < _TABLE_PAGES and _is_ruled(page):
            ruled.add(index)
        pages.append(_lines(page))
    return pages, ruled


def _open_safely(path: Path, limits: ParseLimits) -> str:
    """-> the title of the metadata. Decompresses each page once under pypdf's limits."""
    try:
        reader = pypdf.PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise Encrypted
        if len(reader.pages) > limits.pages:
            raise TooLarge(f"The document has {len(reader.pages)} pages; at most {limits.pages} are allowed.")
        for page in reader.pages:
            if (contents := page.get_contents()) is not None:
                contents.get_data()
        return str((reader.metadata and reader.metadata.title) or "").strip()
    except pypdf.errors.LimitReachedError as error:
        raise Bomb(detail=str(error)) from error
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, OSError, RecursionError) as error:
        # pdfium repairs more than pypdf reads; what neither opens ends as Corrupt there.
        if "password" in str(error).lower() or "decrypt" in str(error).lower():
            raise Encrypted(detail=str(error)) from error
        return ""


def _lines(page: Any) -> list[_Line]:
    text_page = page.get_textpage()
    text = text_page.get_text_range()
    lines, offset = [], 0
    rect = pdfium.FS_RECTF()
    for raw in text.split("\n"):
        line = raw.replace("\r", "").replace("\x02", "-").replace("\ufffe", "-").strip()
        if line:
            first = offset + len(raw) - len(raw.lstrip())
            found = pdfium.FPDFText_GetLooseCharBox(text_page, first, rect)
            lines.append((line, float(rect.top - rect.bottom) if found else 0.0))
        offset += len(raw) + 1
    return lines


def _body_height(pages: list[list[_Line]]) -> float:
    heights = [height for lines in pages for text, height in lines for _ in range(1 + len(text) // 20)]
    return statistics.median(heights) if heights else 0.0


def _is_ruled(page: Any) -> bool:
    drawn = 0
    for obj in page.get_objects(max_depth=2):
        drawn += obj.type == pdfium.FPDF_PAGEOBJ_PATH
        if drawn >= _RULED:
            return True
    return False


def _tables(path: Path, ruled: set[int]) -> dict[int, list[_Table]]:
    """-> tables by page index."""
    found: dict[int, list[_Table]] = {}
    if not ruled:
        return found
    try:
        with pdfplumber.open(path, pages=[i + 1 for i in sorted(ruled)]) as document:
            for page in document.pages:
                tables = [[[c or "" for c in row] for row in t] for t in page.extract_tables()]
                found[page.page_number - 1] = [t for t in tables if len(t) > 1 and len(t[0]) > 1]
                page.close()
    except Exception:  # noqa: BLE001 - pdfminer raises what it likes on odd files; the rows are in the page text as well
        return found
    return found


def _add_page(out: Blocks, number: int, lines: list[_Line], body: float, tables: list[_Table]) -> None:
    cells = {_squeezed(c) for table in tables for row in table for c in row}
    rows = {_squeezed("".join(row)) for table in tables for row in table}
    paragraph: list[str] = []

    def flush() -> None:
        out.add("paragraph", "\n".join(paragraph), page=number)
        paragraph.clear()

    for text, height in lines:
        squeezed = _squeezed(text)
        if tables and (squeezed in rows or squeezed in cells):
            continue
        if body and height > body * _HEADING_RATIO and len(text) < 120 and any(c.isalpha() for c in text):
            flush()
            out.add("heading", text, page=number, level=1 if height > body * 1.6 else 2)
        else:
            paragraph.append(text)
    flush()
    for table in tables:
        out.table(table, page=number)


def _squeezed(text: str) -> str:
    return "".join(text.split())
