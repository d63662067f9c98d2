"""Word: paragraphs, headings, lists and tables in their order."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import docx
from docx.opc.exceptions import PackageNotFoundError
from docx.table import Table
from lxml.etree import XMLSyntaxError

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.parsing.budget import Blocks
from retrieval.parsing.sniff import Corrupt


def parse(path: Path, limits: ParseLimits) -> ParsedDocument:
    out = Blocks(limits.characters)
    try:
        document = docx.Document(str(path))
        for item in document.iter_inner_content():
            if isinstance(item, Table):
                out.table(_rows(item))
            else:
                _paragraph(out, item)
        title = str(document.core_properties.title or "")
    except (PackageNotFoundError, KeyError, ValueError, XMLSyntaxError, zipfile.BadZipFile, AttributeError) as error:
        raise Corrupt(detail=str(error)) from error
    return ParsedDocument(title.strip(), tuple(out.blocks))


def _paragraph(out: Blocks, paragraph: Any) -> None:
    style = (paragraph.style.name if paragraph.style is not None else "") or ""
    if style == "Title":
        out.add("heading", paragraph.text, level=1)
    elif found := re.fullmatch(r"Heading (\d)", style):
        out.add("heading", paragraph.text, level=int(found[1]))
    elif style.startswith("List"):
        out.add("list", f"- {paragraph.text}" if paragraph.text.strip() else "")
    else:
        out.add("paragraph", paragraph.text)


def _rows(table: Table) -> list[list[str]]:
    rows = []
    for row in table.rows:
        cells: list[str] = []
        seen: set[int] = set()  # a merged cell stands at each of its places
        for cell in row.cells:
            if id(cell._tc) not in seen:
                seen.add(id(cell._tc))
                cells.append(cell.text)
        rows.append(cells)
    return rows
