"""Excel: each sheet as a table with its name; values as they were last calculated."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.parsing.budget import Blocks
from retrieval.parsing.sniff import Corrupt

_ROWS = 200_000
_COLUMNS = 200


def parse(path: Path, limits: ParseLimits) -> ParsedDocument:
    out = Blocks(limits.characters)
    warnings: list[str] = []
    try:
        # An open file, because openpyxl judges paths by their ending and stored files have none.
        book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()), read_only=True, data_only=True)
        for number, sheet in enumerate(book.worksheets, start=1):
            out.add("heading", sheet.title, page=number, level=2, locator=f"sheet {sheet.title}")
            rows = [
                [_shown(value) for value in row]
                for row in sheet.iter_rows(values_only=True, max_row=_ROWS, max_col=_COLUMNS)
            ]
            out.table(_trimmed(rows), page=number, locator=f"sheet {sheet.title}")
            if len(rows) >= _ROWS:
                warnings.append(f"Only the first {_ROWS} rows of sheet {sheet.title} were read.")
        title = str(book.properties.title or "")
        count = len(book.worksheets)
    except (InvalidFileException, KeyError, ValueError, ParseError, zipfile.BadZipFile, TypeError, OSError) as error:
        raise Corrupt(detail=str(error)) from error
    return ParsedDocument(title.strip(), tuple(out.blocks), pages=count, warnings=tuple(warnings))


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == value.min.time() else value.isoformat(" ", "minutes")
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)


def _trimmed(rows: list[list[str]]) -> list[list[str]]:
    """Without the empty columns to the right that formatting leaves behind."""
    width = max((i + 1 for row in rows for i, cell in enumerate(row) if cell), default=0)
    return [row[:width] for row in rows]
