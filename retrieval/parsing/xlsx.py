"""Excel: the tables of each sheet with their cell ranges; values as they were last calculated."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.parsing.budget import Blocks
from retrieval.parsing.damage import DAMAGED
from retrieval.parsing.dates import from_properties
from retrieval.parsing.sniff import Corrupt

_ROWS = 200_000
_COLUMNS = 200
_ROWS_A_BLOCK = 40  # so that a passage names few rows; the header is said in each
_NUMBER = re.compile(r"[-+(]?[\d.,\s]+[%)]?")


@dataclass(frozen=True, slots=True)
class _Area:
    """Cells that stand together, with empty ones around them; counted from 0."""

    top: int
    left: int
    right: int  # exclusive
    rows: list[list[str]]

    def range(self, begin: int, end: int) -> str:
        first, last = get_column_letter(self.left + 1), get_column_letter(self.right)
        here = f"{first}{self.top + begin + 1}"
        there = f"{last}{self.top + end}"
        return here if here == there else f"{here}:{there}"


def parse(path: Path, limits: ParseLimits) -> ParsedDocument:
    out = Blocks(limits.characters)
    warnings: list[str] = []
    try:
        # An open file, because openpyxl judges paths by their ending and stored files have none.
        book = openpyxl.load_workbook(io.BytesIO(path.read_bytes()), read_only=True, data_only=True)
        for number, sheet in enumerate(book.worksheets, start=1):
            name = f"sheet {sheet.title}"
            out.add("heading", sheet.title, page=number, level=2, locator=name)
            rows = _read(sheet)
            for area in _areas(rows):
                _add(out, area, number, name)
            if len(rows) >= _ROWS:
                warnings.append(f"Only the first {_ROWS} rows of sheet {sheet.title} were read.")
        title = str(book.properties.title or "")
        dated_at = from_properties(book.properties)
        count = len(book.worksheets)
    except (InvalidFileException, *DAMAGED) as error:
        raise Corrupt(detail=str(error)) from error
    return ParsedDocument(title.strip(), tuple(out.blocks), count, tuple(warnings), dated_at)


def _read(sheet: Any) -> list[list[str]]:
    if hasattr(sheet, "reset_dimensions"):
        sheet.reset_dimensions()  # what the file says of them may be wrong
    rows: list[list[str]] = []
    for row in sheet.iter_rows(max_row=_ROWS, max_col=_COLUMNS):
        cells = [_shown(cell) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        rows.append(cells)
    return rows


def _shown(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time.min else value.isoformat(" ", "minutes")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float):
        return _number(value, str(cell.number_format or ""))
    return str(value)


def _number(value: float, form: str) -> str:
    if "%" in form:
        return f"{value * 100:.10g}%"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _areas(rows: list[list[str]]) -> list[_Area]:
    """Parts of the sheet between empty rows, and in them between empty columns. What goes on below an empty row with
    numbers, without a header of its own, belongs to the table above."""
    found: list[_Area] = []
    latest: dict[int, int] = {}  # by their first column: where it stands in `found`
    for area in (area for band in _bands(rows) for area in _beside(*band)):
        above = latest.get(area.left)
        if above is not None and _goes_on(found[above], area):
            found[above] = _joined(found[above], area)
        else:
            latest[area.left] = len(found)
            found.append(area)
    return sorted(found, key=lambda area: (area.top, area.left))


def _joined(above: _Area, area: _Area) -> _Area:
    right = max(above.right, area.right)
    between = [[""] for _ in range(area.top - above.top - len(above.rows))]
    rows = [row + [""] * (right - area.left - len(row)) for row in [*above.rows, *between, *area.rows]]
    return _Area(above.top, area.left, right, rows)


def _bands(rows: list[list[str]]) -> Iterator[tuple[int, list[list[str]]]]:
    begun: int | None = None
    for number, row in enumerate([*rows, []]):
        if row and begun is None:
            begun = number
        elif not row and begun is not None:
            yield begun, rows[begun:number]
            begun = None


def _beside(top: int, rows: list[list[str]]) -> Iterator[_Area]:
    """Tables side by side. A column that is empty only for its looks does not end one."""
    width = max(map(len, rows))
    square = [row + [""] * (width - len(row)) for row in rows]
    spans: list[tuple[int, int]] = []
    for begin, end in _filled(square, width):
        if spans and (
            len(rows) < 3 or end - begin < 2 or spans[-1][1] - spans[-1][0] < 2 or not _has_labels(square, begin)
        ):
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((begin, end))
    for begin, end in spans:
        numbers = [number for number, row in enumerate(square) if any(row[begin:end])]
        cells = [row[begin:end] for row in square[numbers[0] : numbers[-1] + 1]]
        yield _Area(top + numbers[0], begin, end, cells)


def _filled(rows: list[list[str]], width: int) -> Iterator[tuple[int, int]]:
    begun: int | None = None
    for column in range(width + 1):
        filled = column < width and any(row[column] for row in rows)
        if filled and begun is None:
            begun = column
        elif not filled and begun is not None:
            yield begun, column
            begun = None


def _has_labels(rows: list[list[str]], column: int) -> bool:
    """Whether a column names the rows beside it, as the first of a table does."""
    cells = [row[column] for row in rows if row[column]]
    return sum(not _NUMBER.fullmatch(cell) for cell in cells) > 0.7 * len(cells)


def _goes_on(above: _Area, area: _Area) -> bool:
    if min(above.right - above.left, area.right - area.left) < 2 or area.top - above.top - len(above.rows) > 2:
        return False
    return any(_NUMBER.fullmatch(cell) for cell in area.rows[0] if cell)


def _add(out: Blocks, area: _Area, page: int, name: str) -> None:
    """Rows with one cell above a table are its title; the header is repeated for every part of a long one."""
    full = [column for column in range(area.right - area.left) if any(row[column] for row in area.rows)]
    area = _Area(area.top, area.left, area.right, [[row[column] for column in full] for row in area.rows])
    first = 0
    while first < len(area.rows) - 1 and len(area.rows[0]) > 1 and sum(map(bool, area.rows[first])) < 2:
        out.add(
            "paragraph",
            " ".join(area.rows[first]).strip(),
            page=page,
            locator=f"{name}, {area.range(first, first + 1)}",
        )
        first += 1
    if len(area.rows[0]) == 1:
        text = "\n".join(row[0] for row in area.rows)
        out.add("paragraph", text, page=page, locator=f"{name}, {area.range(0, len(area.rows))}")
        return
    header, begin = area.rows[first], first + 1
    if begin >= len(area.rows):
        out.table([header], page=page, locator=f"{name}, {area.range(first, begin)}")
    for start in range(begin, len(area.rows), _ROWS_A_BLOCK):
        end = min(start + _ROWS_A_BLOCK, len(area.rows))
        shown_from = first if start == begin else start
        locator = f"{name}, {area.range(shown_from, end)}"
        out.table([header, *area.rows[start:end]], page=page, locator=locator)
