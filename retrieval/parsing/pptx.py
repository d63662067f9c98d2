"""PowerPoint: each slide with its title, texts, tables and speaker notes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pptx
from pptx.exc import PackageNotFoundError

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.parsing.budget import Blocks
from retrieval.parsing.damage import DAMAGED
from retrieval.parsing.dates import from_properties
from retrieval.parsing.sniff import Corrupt


def parse(path: Path, limits: ParseLimits) -> ParsedDocument:
    out = Blocks(limits.characters)
    try:
        show = pptx.Presentation(str(path))
        for number, slide in enumerate(show.slides, start=1):
            _slide(out, number, slide)
        title = str(show.core_properties.title or "")
        count = len(show.slides)
        dated_at = from_properties(show.core_properties)
    except (PackageNotFoundError, *DAMAGED) as error:
        raise Corrupt(detail=str(error)) from error
    title = "" if title == "PowerPoint Presentation" else title.strip()
    return ParsedDocument(title, tuple(out.blocks), pages=count, dated_at=dated_at)


def _slide(out: Blocks, number: int, slide: Any) -> None:
    locator = f"slide {number}"
    title = slide.shapes.title
    if title is not None and title.has_text_frame:
        out.add("heading", title.text_frame.text.replace("\n", " "), page=number, level=2, locator=locator)
    for shape in _flat(slide.shapes):
        if title is not None and shape.shape_id == title.shape_id:
            continue
        if getattr(shape, "has_table", False) and shape.has_table:
            out.table(_rows(shape.table), page=number, locator=locator)
        elif shape.has_text_frame:
            lines = [p.text.strip() for p in shape.text_frame.paragraphs]
            out.add("paragraph", "\n".join(line for line in lines if line), page=number, locator=locator)
    if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
        out.add("paragraph", slide.notes_slide.notes_text_frame.text, page=number, locator=f"{locator}, notes")


def _rows(table: Any) -> list[list[str]]:
    """A cell over several columns stands in the first of them, one over several rows in each."""
    rows: list[list[str]] = []
    held: dict[int, tuple[str, int]] = {}  # by column: the text of a cell that goes on, and for how many rows
    for row in table.rows:
        cells: list[str] = []
        for column, cell in enumerate(row.cells):
            text, left = held.get(column, ("", 0))
            if cell.is_merge_origin:
                held[column] = (cell.text, cell.span_height - 1)
                cells.append(cell.text)
            elif cell.is_spanned and left > 0:
                held[column] = (text, left - 1)
                cells.append(text)
            else:
                cells.append("" if cell.is_spanned else cell.text)
        rows.append(cells)
    return rows


def _flat(shapes: Iterable[Any]) -> Iterable[Any]:
    for shape in shapes:
        if hasattr(shape, "shapes"):
            yield from _flat(shape.shapes)
        else:
            yield shape
