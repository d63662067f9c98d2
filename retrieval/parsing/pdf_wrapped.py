"""Tables of a PDF page whose cells have several lines. They are written cell by cell: down one cell, then up again to
the next one on its right. Read by their lines across, they would be shreds."""

from __future__ import annotations

from itertools import pairwise

from retrieval.parsing.pdf_page import Line, Sides
from retrieval.parsing.pdf_tables import PageTable

_LINE_GAP = 1.0  # of the height, between two lines of a cell
_CELL_LINES = 15
_CELL_CHARACTERS = 250
_MOST_ROWS = 500
_SAME_COLUMN = 8.0  # points
_ROW_GAP = 40.0  # points: more white between two rows ends a table


class _Cell:
    def __init__(self, line: Line) -> None:
        self.lines = [line]
        self.sides: Sides = (line.left, line.top, line.right, line.bottom)

    def add(self, line: Line) -> None:
        self.lines.append(line)
        self.sides = _around([self.sides, (line.left, line.top, line.right, line.bottom)])

    @property
    def text(self) -> str:
        text = ""
        for line in self.lines:
            glue = "" if not text or text.endswith("-") else " "
            text += glue + line.text
            if line.broken:
                text += "-" if not text.endswith("-") else ""
        return _whole_words(text, self.lines)

    def goes_on_with(self, line: Line) -> bool:
        left, _, right, bottom = self.sides
        last = self.lines[-1]
        below = -0.4 * line.height <= line.top - bottom <= _LINE_GAP * max(line.size, line.height, last.height)
        return below and min(line.right, right) > max(line.left, left)


def _whole_words(text: str, lines: list[Line]) -> str:
    """A hyphen that stands only for the end of a line goes, unless a capital or a number follows."""
    for line, following in pairwise(lines):
        if line.broken and following.text[:1].islower():
            text = text.replace(f"{line.text}-{following.text}", f"{line.text}{following.text}", 1)
    return text


def with_wrapped_tables(lines: list[Line]) -> list[Line | PageTable]:
    found: list[Line | PageTable] = []
    pieces = [(piece, line) for line in lines for piece in _pieces(line)]
    whole = {id(piece): line for piece, line in pieces}
    rows = _rows(_cells([piece for piece, _ in pieces]))
    jumps = [_jumps_up(row) for row in rows] + [False]
    position = 0
    while position < len(rows):
        begins = jumps[position] or jumps[position + 1]
        if begins and (run := _run(rows[position : position + _MOST_ROWS])):
            found.append(_table(run))
            position += len(run)
        else:
            originals = {id(whole[id(piece)]): whole[id(piece)] for cell in rows[position] for piece in cell.lines}
            found += [line for line in originals.values() if not found or found[-1] is not line]
            position += 1
    return found


def _pieces(line: Line) -> list[Line]:
    """The cells of a line that runs over several."""
    if not line.segments:
        return [line]
    pieces = [Line(s.text, s.left, s.top, s.right, s.bottom, size=line.size) for s in line.segments]
    pieces[-1].broken = line.broken
    return pieces


def _cells(lines: list[Line]) -> list[_Cell]:
    cells: list[_Cell] = []
    for line in lines:
        if cells and cells[-1].goes_on_with(line):
            cells[-1].add(line)
        else:
            cells.append(_Cell(line))
    return cells


def _rows(cells: list[_Cell]) -> list[list[_Cell]]:
    """Cells that stand beside each other, as they are written from left to right."""
    rows: list[list[_Cell]] = []
    for cell in cells:
        if rows and _beside(rows[-1], cell):
            rows[-1].append(cell)
        else:
            rows.append([cell])
    return rows


def _beside(row: list[_Cell], cell: _Cell) -> bool:
    left, top, _, bottom = cell.sides
    _, last_top, _, last_bottom = row[-1].sides
    overlap = min(bottom, last_bottom) - max(top, last_top)
    return left > row[-1].sides[0] + _SAME_COLUMN and overlap > 0.5 * min(bottom - top, last_bottom - last_top)


def _run(rows: list[list[_Cell]]) -> list[list[_Cell]]:
    """The rows from here on that are one table; empty where none begins."""
    run: list[list[_Cell]] = []
    for row in rows:
        if len(row) < 2 or any(len(cell.lines) > _CELL_LINES for cell in row):
            break
        if run and not 0 <= _top(row) - _top(run[-1]) <= _bottom(run[-1]) - _top(run[-1]) + _ROW_GAP:
            break
        run.append(row)
    wrapped = sum(map(_jumps_up, run))
    widest = max(map(len, run), default=0)
    cells = [cell for row in run for cell in row]
    if len(run) < (3 if widest == 2 else 2) or wrapped < 0.4 * len(run) or wrapped < 2:
        return []
    if sum(len(cell.text) for cell in cells) > _CELL_CHARACTERS * len(cells):
        return []
    aligned = _aligned(run)
    return run if aligned >= 0.6 * len(cells) else []


def _jumps_up(row: list[_Cell]) -> bool:
    """Whether a cell of several lines is followed by one that begins above its last line."""
    return any(
        len(cell.lines) > 1 and following.sides[1] < cell.lines[-1].top - 0.5 * cell.lines[-1].height
        for cell, following in pairwise(row)
    )


def _top(row: list[_Cell]) -> float:
    return min(cell.sides[1] for cell in row)


def _bottom(row: list[_Cell]) -> float:
    return max(cell.sides[3] for cell in row)


def _aligned(run: list[list[_Cell]]) -> int:
    """How many cells have one of another row exactly below or above their left edge."""
    lefts = [[cell.sides[0] for cell in row] for row in run]
    count = 0
    for number, row in enumerate(lefts):
        others = [left for other, rest in enumerate(lefts) if other != number for left in rest]
        count += sum(any(abs(left - other) < _SAME_COLUMN for other in others) for left in row)
    return count


def _table(run: list[list[_Cell]]) -> PageTable:
    columns: list[float] = []
    for left in sorted(cell.sides[0] for row in run for cell in row):
        if not columns or left - columns[-1] > _SAME_COLUMN:
            columns.append(left)
    rows = []
    for row in run:
        cells: list[list[str]] = [[] for _ in columns]
        for cell in row:
            nearest = min(range(len(columns)), key=lambda number: abs(columns[number] - cell.sides[0]))
            cells[nearest].append(cell.text)
        rows.append([" ".join(cell) for cell in cells])
    sides = [_around([cell.sides for cell in row]) for row in run]
    return PageTable(rows, sides)


def _around(sides: list[Sides]) -> Sides:
    return min(s[0] for s in sides), min(s[1] for s in sides), max(s[2] for s in sides), max(s[3] for s in sides)
