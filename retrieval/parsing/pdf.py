"""PDF: text in reading order through pdfium, each line with its place, tables by their rows; pages
that are pictures through text recognition where it is installed.

pypdf opens the file first: it refuses bombs cleanly, where pdfium aborts the process.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pypdf
import pypdfium2
import pypdfium2.raw as pdfium
from pypdf.errors import PyPdfError

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.parsing.budget import Blocks
from retrieval.parsing.damage import DAMAGED
from retrieval.parsing.ocr import DPI, LATER, MOST_DOTS, Reader
from retrieval.parsing.pdf_grids import bounds, grid_tables, pictures
from retrieval.parsing.pdf_order import in_reading_order
from retrieval.parsing.pdf_page import Line, PageText
from retrieval.parsing.pdf_running import PageContent, drop_running_lines, join_broken_words
from retrieval.parsing.pdf_tables import PageTable, with_tables
from retrieval.parsing.pdf_wrapped import with_wrapped_tables
from retrieval.parsing.printed import NoText, add_pages
from retrieval.parsing.sniff import Bomb, Corrupt, Encrypted, TooLarge

logging.getLogger("pypdf").setLevel(logging.CRITICAL)
_MADE_BY = re.compile(r"^Microsoft (Word|PowerPoint|Excel) - ", re.I)
_FEW_CHARACTERS = 40  # a stamp on a scanned page
_LARGE_PICTURE = 0.5  # of the page


@dataclass(frozen=True, slots=True)
class _Info:
    title: str = ""
    dated_at: datetime | None = None


def parse(path: Path, limits: ParseLimits) -> ParsedDocument:
    info = _open_safely(path, limits)
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise Corrupt(detail=str(error)) from error
    pages = [_read_page(document, index) for index in range(len(document))]
    warnings = _recognise(document, pages, limits)
    drop_running_lines(pages)
    join_broken_words(pages)
    out = Blocks(limits.characters)
    add_pages(out, pages)
    if not out.blocks:
        raise NoText
    return ParsedDocument(info.title, tuple(out.blocks), len(pages), warnings, info.dated_at)


def _open_safely(path: Path, limits: ParseLimits) -> _Info:
    """-> what the metadata say. Decompresses each page once under pypdf's limits."""
    try:
        reader = pypdf.PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise Encrypted
        if len(reader.pages) > limits.pages:
            raise TooLarge(f"The document has {len(reader.pages)} pages; at most {limits.pages} are allowed.")
        for page in reader.pages:
            if (contents := page.get_contents()) is not None:
                contents.get_data()
        return _info(reader)
    except pypdf.errors.LimitReachedError as error:
        raise Bomb(detail=str(error)) from error
    except (PyPdfError, *DAMAGED) as error:
        # pdfium repairs more than pypdf reads; what neither opens ends as Corrupt there.
        if "password" in str(error).lower() or "decrypt" in str(error).lower():
            raise Encrypted(detail=str(error)) from error
        return _Info()


def _info(reader: pypdf.PdfReader) -> _Info:
    known = reader.metadata
    if known is None:
        return _Info()
    title = _MADE_BY.sub("", str(known.title or "").strip())
    if not re.search(r"[^\W\d_]{3}", title):
        title = ""  # a number of some system
    try:
        dated_at = known.modification_date or known.creation_date
    except ValueError:
        dated_at = None
    if dated_at is not None and dated_at.tzinfo is None:
        dated_at = dated_at.replace(tzinfo=UTC)
    return _Info(title, dated_at)


def _read_page(document: Any, index: int) -> PageContent:
    try:
        page = document[index]
        text = PageText(page)
    except pypdfium2.PdfiumError:
        return PageContent(index + 1, 0.0, 0.0, [])
    lines = text.lines()
    items: list[Line | PageTable] = []
    if lines:
        drawn = grid_tables(page, text, lines)
        inside = {id(line) for _, held in drawn for line in held}
        items = _with_tables([line for line in lines if id(line) not in inside])
        for table, _ in drawn:
            _insert(items, table)
    page.close()
    return PageContent(index + 1, text.width, text.height, items)


def _recognise(document: Any, pages: list[PageContent], limits: ParseLimits) -> tuple[str, ...]:
    """Fills in the pages that are pictures of text; -> warnings. Raises NoText when there is nothing but those."""
    bare = [page for page in pages if _characters(page) < _FEW_CHARACTERS]
    scanned = [page for page in bare if _is_picture(document, page)]
    if not scanned:
        return _without_text(pages)
    reader = Reader(limits)
    if (missing := reader.missing) is not None:
        if len(bare) == len(pages):
            raise NoText(f"{NoText.user_message} {missing.sentence}", advice=missing.advice)
        return (*_without_text(pages), missing.sentence)
    done = 0
    for page in scanned:
        if reader.time_is_up:
            break
        _recognise_page(document, page, reader)
        done += 1
    unread = reader.unread(len(scanned) - done)
    if unread and not any(page.items for page in pages):
        raise NoText(*unread, advice=LATER)
    return (*unread, *_without_text(pages))


def _recognise_page(document: Any, page: PageContent, reader: Reader) -> None:
    opened = document[page.number - 1]
    width, height = opened.get_size()
    scale = min(DPI / 72, (MOST_DOTS / max(width * height, 1.0)) ** 0.5)
    picture = np.ascontiguousarray(opened.render(scale=scale, grayscale=True).to_numpy())
    lines = reader.lines(picture.reshape(picture.shape[0], picture.shape[1]), width, height)
    if sum(len(line.text) for line in lines) > _characters(page):
        page.width, page.height, page.items = width, height, with_tables(lines)
    opened.close()


def _is_picture(document: Any, page: PageContent) -> bool:
    """Whether something is drawn where no text is; beside a little text it has to be most of the page."""
    try:
        opened = document[page.number - 1]
        drawn = pdfium.FPDFPage_CountObjects(opened)
        if not page.items:
            return bool(drawn)
        text = PageText(opened)
        return any(_share(text, item) > _LARGE_PICTURE for item in pictures(opened))
    except pypdfium2.PdfiumError:
        return False


def _share(text: PageText, picture: Any) -> float:
    if (found := bounds(picture)) is None:
        return 0.0
    left, top, right, bottom = text.shown(found)
    return (right - left) * (bottom - top) / max(text.width * text.height, 1.0)


def _characters(page: PageContent) -> int:
    return sum(len(line.text) for line in page.lines) + 10**6 * (len(page.items) - len(page.lines))


def _without_text(pages: list[PageContent]) -> tuple[str, ...]:
    empty = sum(not page.items for page in pages)
    return (f"No text on {empty} of {len(pages)} pages.",) if empty else ()


def _with_tables(lines: list[Line]) -> list[Line | PageTable]:
    """Tables first as they are written, cell by cell; then the rest by its order on the page."""
    items: list[Line | PageTable] = []
    rest: list[Line] = []
    for item in with_wrapped_tables(lines):
        if isinstance(item, PageTable):
            items += [*with_tables(in_reading_order(rest)), item]
            rest = []
        else:
            rest.append(item)
    return [*items, *with_tables(in_reading_order(rest))]


def _insert(items: list[Line | PageTable], table: PageTable) -> None:
    """Before the first thing below it; in columns that is the one below it in its own."""
    left, _, right, bottom = table.sides[-1]
    for position, item in enumerate(items):
        if item.top >= bottom - 1 and (isinstance(item, PageTable) or (item.left < right and item.right > left)):
            items.insert(position, table)
            return
    items.append(table)
