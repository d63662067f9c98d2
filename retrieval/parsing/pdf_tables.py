"""Tables of a PDF page that have no drawn grid: rows whose words stand below each other in columns."""

from __future__ import annotations

import re
from dataclasses import dataclass

from retrieval.parsing.pdf_page import Line, Segment, Sides

_LOOK_BACK = 8  # rows: a cell may be written after others that stand lower
_SINGLES = 2  # rows with one cell, one after the other, that a table may hold
_ROW_GAP = 2.6  # of the height: more white than that ends a table
_WIDE = 0.6  # of the width: a single cell that takes more is running text
_PROSE = 45  # characters a cell: two columns of running text are no table
_HEADER_ROWS = 4
_ABOVE = 6  # lines over a table that may belong to its header
_ABOVE_CHARACTERS = 32
_COVERED = 0.12  # of the rows: where fewer have words, a column ends
_STEP = 2.0  # points
_NUMBER = re.compile(r"[($€£¥+\-–—−\s]*\d[\d.,\s]*[%)]*|[-–—]+")
_YEAR = re.compile(r"(19|20)\d\d")
_MARK = re.compile(r"[•·▪◦●○■–\-*o]|\(?[0-9a-zA-Z]{1,4}[.)]")


@dataclass(frozen=True, slots=True)
class PageTable:
    rows: list[list[str]]
    sides: list[Sides]  # of each row

    @property
    def top(self) -> float:
        return self.sides[0][1]


class _Row:
    """Segments beside each other, and the lines that they are of."""

    def __init__(self, line: Line) -> None:
        self.segments = list(line.parts)
        self.lines = [line]
        self.top, self.bottom = line.top, line.bottom
        self.height = line.height

    def add(self, line: Line) -> None:
        self.segments += line.parts
        self.lines.append(line)
        self.top, self.bottom = min(self.top, line.top), max(self.bottom, line.bottom)
        self.height = max(self.height, line.height)

    def takes(self, line: Line) -> bool:
        overlap = min(self.bottom, line.bottom) - max(self.top, line.top)
        if overlap < 0.5 * min(self.bottom - self.top, line.height):
            return False
        if line.is_upright or self.lines[0].is_upright:
            return False
        return all(line.right <= s.left or line.left >= s.right for s in self.segments)


def with_tables(lines: list[Line]) -> list[Line | PageTable]:
    """The same in the same order, with tables in the place of their lines."""
    rows = _visual_rows(lines)
    found: list[Line | PageTable] = []
    position = 0
    while position < len(rows):
        run = _run(rows, position)
        columns = _columns_of(run) if run else []
        if columns:
            above = _lines_above(found, run, columns)
            del found[len(found) - len(above) :]
            found.append(_table([*_visual_rows(above), *run], columns, len(_visual_rows(above))))
            position += len(run)
        else:
            found += rows[position].lines
            position += 1
    return found


def _lines_above(found: list[Line | PageTable], run: list[_Row], columns: list[tuple[float, float]]) -> list[Line]:
    """Words over the columns that do not stand side by side: headers of several lines, each cell by itself."""
    above: list[Line] = []
    values = [s.text for row in run for s in row.segments[1:]]
    if sum(map(_is_value, values)) < 0.5 * len(values):
        return above
    height = max(row.height for row in run)
    for item in reversed(found[-_ABOVE:]):
        if isinstance(item, PageTable) or item.left < columns[0][1] or item.right > columns[-1][1] + height:
            break
        if (
            len(item.text) > _ABOVE_CHARACTERS
            or not 0 <= run[0].top - item.top <= _ABOVE * height
            or item.bottom > run[0].top + 0.5 * height
        ):
            break
        above.insert(0, item)
    return above


def _visual_rows(lines: list[Line]) -> list[_Row]:
    rows: list[_Row] = []
    for line in lines:
        home = next((row for row in reversed(rows[-_LOOK_BACK:]) if row.takes(line)), None)
        if home is None:
            rows.insert(_place(rows, line), _Row(line))
        else:
            home.add(line)
    for row in rows:
        row.segments = _with_signs(sorted(row.segments, key=lambda s: s.left))
    return rows


def _place(rows: list[_Row], line: Line) -> int:
    """After the last, unless the line begins a cell beside the last ones, somewhat higher."""
    place = len(rows)
    while place > max(0, len(rows) - _LOOK_BACK):
        row = rows[place - 1]
        beside = line.left >= max(s.right for s in row.segments) or line.right <= min(s.left for s in row.segments)
        if row.top <= line.top or not beside:
            break
        place -= 1
    near = place < len(rows) and rows[place].top - line.top < 2 * line.height
    return place if near else len(rows)


def _with_signs(segments: list[Segment]) -> list[Segment]:
    """A currency sign belongs to the number after it, a closing sign to the one before."""
    joined: list[Segment] = []
    for segment in segments:
        last = joined[-1] if joined else None
        if last is not None and (last.text in ("$", "€", "£", "¥", "(") or segment.text in ("%", ")", ")%")):
            glue = "" if segment.text in ("%", ")", ")%") or last.text == "(" else " "
            joined[-1] = _merged([last, segment], glue)
        else:
            joined.append(segment)
    return joined


def _merged(segments: list[Segment], glue: str = " ") -> Segment:
    return Segment(
        glue.join(s.text for s in segments),
        min(s.left for s in segments),
        min(s.top for s in segments),
        max(s.right for s in segments),
        max(s.bottom for s in segments),
    )


def _run(rows: list[_Row], begin: int) -> list[_Row]:
    """The rows from here on that may be one table; empty where none begins."""
    if len(rows[begin].segments) < 2:
        return []
    run, end, singles = [rows[begin]], 1, 0
    for row in rows[begin + 1 :]:
        gap = row.top - run[-1].bottom
        if gap > _ROW_GAP * max(row.height, run[-1].height) or gap < -0.5 * row.height:
            break
        if len(row.segments) < 2:
            singles += 1
            if singles > _SINGLES or _is_wide(row, run):
                break
        else:
            singles = 0
        run.append(row)
        if not singles:
            end = len(run)
    return run[:end]


def _is_wide(row: _Row, run: list[_Row]) -> bool:
    """Running text between two rows rather than a cell."""
    width = max(r.segments[-1].right for r in run) - min(r.segments[0].left for r in run)
    return row.segments[0].right - row.segments[0].left > _WIDE * width


def _columns_of(run: list[_Row]) -> list[tuple[float, float]]:
    """The columns of the table that the rows are; none when they are something else."""
    several = [row for row in run if len(row.segments) >= 2]
    most = max(len(row.segments) for row in several)
    if len(several) < (3 if most == 2 else 2):
        return []
    columns = _columns([row for row in several if len(row.segments) >= 0.6 * most])
    if len(columns) < 2 or _is_prose(several, len(columns)):
        return []
    firsts = [row.segments[0].text for row in several]
    if len(columns) == 2 and sum(bool(_MARK.fullmatch(text)) for text in firsts) > 0.6 * len(several):
        return []
    return columns


def _table(rows: list[_Row], columns: list[tuple[float, float]], above: int) -> PageTable:
    cells = [_cells(row, columns) for row in rows]
    header = above + _header_rows(cells[above:], above > 0)
    sides = [_sides(row) for row in rows]
    if header > 1 or above:
        cells = [_header(rows[:header], columns), *cells[header:]]
        sides = [_around(sides[:header]), *sides[header:]]
    return PageTable(cells, sides)


def _around(sides: list[Sides]) -> Sides:
    return min(s[0] for s in sides), min(s[1] for s in sides), max(s[2] for s in sides), max(s[3] for s in sides)


def _columns(rows: list[_Row]) -> list[tuple[float, float]]:
    """Ranges from left to right that the rows agree on."""
    left = min(row.segments[0].left for row in rows)
    width = max(row.segments[-1].right for row in rows) - left
    covered = [0] * (int(width / _STEP) + 2)
    for row in rows:
        for segment in row.segments:
            for place in range(int((segment.left - left) / _STEP), int((segment.right - left) / _STEP) + 1):
                covered[place] += 1
    columns: list[tuple[float, float]] = []
    begun: int | None = None
    for place, count in enumerate([*covered, 0]):
        inside = count > _COVERED * len(rows)
        if inside and begun is None:
            begun = place
        elif not inside and begun is not None:
            columns.append((left + begun * _STEP, left + place * _STEP))
            begun = None
    return columns


def _is_prose(rows: list[_Row], columns: int) -> bool:
    lengths = [len(s.text) for row in rows for s in row.segments]
    return columns <= 3 and sum(lengths) / len(lengths) > _PROSE


def _cells(row: _Row, columns: list[tuple[float, float]]) -> list[str]:
    cells: list[list[str]] = [[] for _ in columns]
    for segment in row.segments:
        cells[_column_of(segment, columns)].append(segment.text)
    return [" ".join(cell) for cell in cells]


def _column_of(segment: Segment, columns: list[tuple[float, float]]) -> int:
    """The first that it overlaps by a good part, else the nearest."""
    for number, (left, right) in enumerate(columns):
        overlap = min(segment.right, right) - max(segment.left, left)
        if overlap >= 0.5 * min(segment.right - segment.left, right - left):
            return number
    middle = (segment.left + segment.right) / 2
    return min(range(len(columns)), key=lambda n: abs(sum(columns[n]) / 2 - middle))


def _header_rows(cells: list[list[str]], begun: bool) -> int:
    """How many rows at the top are one header together: those that leave the first column to the rows below."""
    count = 0
    for row in cells[:_HEADER_ROWS]:
        if (row[0] and not row[0].startswith("(")) or any(_is_value(cell) for cell in row[1:]):
            break
        count += 1
    following = cells[count] if count < len(cells) else []
    if (count or begun) and sum(map(bool, following[1:])) > 1 and not any(_is_value(cell) for cell in following[1:]):
        count += 1
    while count > 1 and sum(map(bool, cells[count - 1])) < 2:
        count -= 1  # the title of a group of rows
    return count if count < len(cells) else 0


def _is_value(cell: str) -> bool:
    return bool(_NUMBER.fullmatch(cell)) and not _YEAR.fullmatch(cell)


def _header(rows: list[_Row], columns: list[tuple[float, float]]) -> list[str]:
    """Words over several columns are said for each of them."""
    header = [""] * len(columns)
    for row in rows:
        values = [s for s in row.segments if s.right > columns[0][1] or _column_of(s, columns) > 0]
        cells = [" ".join(s.text for s in row.segments if s not in values)]
        for left, right in columns[1:]:
            over = [
                s.text
                for s in values
                if min(s.right, right) - max(s.left, left) > 0.3 * min(s.right - s.left, right - left)
            ]
            cells.append(" ".join(over))
        if len(values) < len(columns) - 1 and (len(values) > 1 or _is_central(values, columns)):
            for number, (left, right) in enumerate(columns[1:], start=1):
                nearest = min(values, key=lambda s: abs(s.left + s.right - left - right))
                cells[number] = cells[number] or nearest.text
        header = [f"{said} {cell}".strip() for said, cell in zip(header, cells, strict=True)]
    return header


def _is_central(values: list[Segment], columns: list[tuple[float, float]]) -> bool:
    """A single title in the middle over all columns of values."""
    if len(values) != 1:
        return False
    left, right = columns[1][0], columns[-1][1]
    return abs(values[0].left + values[0].right - left - right) / 2 < 0.15 * (right - left)


def _sides(row: _Row) -> Sides:
    whole = _merged(row.segments)
    return whole.left, whole.top, whole.right, whole.bottom
