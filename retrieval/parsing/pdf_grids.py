"""Tables of a PDF page with a drawn grid: the lines make the cells, whatever number of lines of text a cell has."""

from __future__ import annotations

import ctypes
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pypdfium2.raw as pdfium

from retrieval.parsing.pdf_page import Line, PageText, Segment, Sides
from retrieval.parsing.pdf_tables import PageTable

_OBJECTS = 20_000  # of a page; a letter may be one
_PATHS = 4_000
_THIN = 2.5
_LONG = 6.0
_NEAR = 3.0
_MOST_EDGES = 1_500  # of a page: more is a drawing, and the search for grids is quadratic
_MOST_CELLS = 10_000
_MOST_CHARACTERS = 500  # of a cell: a frame around a page's text is no table
_OUTLINE = 6  # points of a path that may be one rectangle


@dataclass(frozen=True, slots=True)
class _Edge:
    at: float  # its place across
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class _Grid:
    across: list[_Edge]  # horizontal edges, `at` is their distance from the top
    down: list[_Edge]
    xs: list[float]
    ys: list[float]


def grid_tables(page: Any, text: PageText, lines: list[Line]) -> list[tuple[PageTable, list[Line]]]:
    """Each with the lines that stand in it."""
    across, down = _edges(page, text)
    if len(across) < 3 or len(down) < 2 or len(across) + len(down) > _MOST_EDGES:
        return []
    tables = []
    taken: set[int] = set()
    for grid in sorted(_grids(across, down), key=lambda g: (g.xs[-1] - g.xs[0]) * (g.ys[-1] - g.ys[0])):
        inside = [line for line in lines if id(line) not in taken and _holds(grid, line)]
        if inside and (table := _fill(grid, text, inside)) is not None:
            tables.append((table, inside))
            taken.update(map(id, inside))
    return tables


def _edges(page: Any, text: PageText) -> tuple[list[_Edge], list[_Edge]]:
    across: list[_Edge] = []
    down: list[_Edge] = []
    for path in _paths(page):
        if (found := bounds(path)) is None:
            continue
        left, top, right, bottom = text.shown(found)
        if bottom - top < _THIN and right - left > _LONG:
            across.append(_Edge((top + bottom) / 2, left, right))
        elif right - left < _THIN and bottom - top > _LONG:
            down.append(_Edge((left + right) / 2, top, bottom))
        elif right - left > _LONG and bottom - top > _LONG and _is_stroked_box(path):
            across += [_Edge(top, left, right), _Edge(bottom, left, right)]
            down += [_Edge(left, top, bottom), _Edge(right, top, bottom)]
    return across, down


def _paths(page: Any) -> Iterator[Any]:
    return islice(_objects(page, pdfium.FPDF_PAGEOBJ_PATH), _PATHS)


def pictures(page: Any) -> Iterator[Any]:
    return islice(_objects(page, pdfium.FPDF_PAGEOBJ_IMAGE), _PATHS)


def _objects(page: Any, kind: int) -> Iterator[Any]:
    """Those of the page itself. Not through objects of the library: a page may have thousands."""
    raw = page.raw
    for number in range(min(pdfium.FPDFPage_CountObjects(raw), _OBJECTS)):
        item = pdfium.FPDFPage_GetObject(raw, number)
        if pdfium.FPDFPageObj_GetType(item) == kind:
            yield item


def bounds(path: Any) -> Sides | None:
    left, bottom, right, top = (ctypes.c_float() for _ in range(4))
    if not pdfium.FPDFPageObj_GetBounds(path, left, bottom, right, top):
        return None
    return left.value, bottom.value, right.value, top.value


def _is_stroked_box(path: Any) -> bool:
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    drawn = pdfium.FPDFPath_GetDrawMode(path, fill, stroke)
    return bool(drawn and stroke.value and pdfium.FPDFPath_CountSegments(path) <= _OUTLINE)


def _grids(across: list[_Edge], down: list[_Edge]) -> list[_Grid]:
    """The groups of edges that touch each other, as far as they make two rows and two columns."""
    edges = [(True, edge) for edge in across] + [(False, edge) for edge in down]
    home = list(range(len(edges)))

    def root(number: int) -> int:
        while home[number] != number:
            home[number] = home[home[number]]
            number = home[number]
        return number

    for one, edge in enumerate(across):
        for other, cross in enumerate(down, start=len(across)):
            if _touch(edge, cross):
                home[root(other)] = root(one)
    groups: dict[int, list[tuple[bool, _Edge]]] = {}
    for number, entry in enumerate(edges):
        groups.setdefault(root(number), []).append(entry)
    found = (_grid(group) for group in groups.values() if len(group) >= 5)
    return [grid for grid in found if grid is not None]


def _touch(across: _Edge, down: _Edge) -> bool:
    return across.begin - _NEAR <= down.at <= across.end + _NEAR and down.begin - _NEAR <= across.at <= down.end + _NEAR


def _grid(group: list[tuple[bool, _Edge]]) -> _Grid | None:
    across = [edge for horizontal, edge in group if horizontal]
    down = [edge for horizontal, edge in group if not horizontal]
    xs, ys = _places(down), _places(across)
    if len(xs) < 3 or len(ys) < 3 or len(xs) * len(ys) > _MOST_CELLS:
        return None
    return _Grid(across, down, xs, ys)


def _places(edges: list[_Edge]) -> list[float]:
    """Where edges stand, those within a line's width as one; without short ones that cross little of the grid."""
    whole = max(edge.end for edge in edges) - min(edge.begin for edge in edges) if edges else 0.0
    places: list[list[_Edge]] = []
    for edge in sorted(edges, key=lambda e: e.at):
        if places and edge.at - places[-1][-1].at <= _NEAR:
            places[-1].append(edge)
        else:
            places.append([edge])
    kept = (place for place in places if sum(edge.end - edge.begin for edge in place) >= 0.2 * whole)
    return [sum(edge.at for edge in place) / len(place) for place in kept]


def _holds(grid: _Grid, line: Line) -> bool:
    middle = (line.top + line.bottom) / 2
    return grid.ys[0] <= middle <= grid.ys[-1] and line.left >= grid.xs[0] - _NEAR and line.right <= grid.xs[-1] + _NEAR


def _fill(grid: _Grid, text: PageText, lines: list[Line]) -> PageTable | None:
    """None when words cross the lines: then they are decoration."""
    rows, columns = len(grid.ys) - 1, len(grid.xs) - 1
    cells: dict[tuple[int, int], list[str]] = {}
    crossing = words = 0
    for word in (word for line in lines for word in text.words(line)):
        words += 1
        column = bisect_right(grid.xs, (word.left + word.right) / 2) - 1
        row = bisect_right(grid.ys, (word.top + word.bottom) / 2) - 1
        row, column = min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)
        home = _home(grid, row, column)
        crossing += _crosses(grid, word, row, column)
        cells.setdefault(home, []).append(word.text)
    if crossing > 0.1 * words or len({home[1] for home in cells}) < 2:
        return None
    filled = [[" ".join(cells.get((row, column), [])) for column in range(columns)] for row in range(rows)]
    if any(len(cell) > _MOST_CHARACTERS for row in filled for cell in row):
        return None
    kept = [number for number, row in enumerate(filled) if any(row)]
    sides: list[Sides] = [(grid.xs[0], grid.ys[n], grid.xs[-1], grid.ys[n + 1]) for n in kept]
    return PageTable([filled[number] for number in kept], sides) if len(kept) > 1 else None


def _home(grid: _Grid, row: int, column: int) -> tuple[int, int]:
    """The first of the cells that no drawn line separates from this one."""
    while column and not _covered(grid.down, grid.xs[column], (grid.ys[row] + grid.ys[row + 1]) / 2):
        column -= 1
    while row and not _covered(grid.across, grid.ys[row], (grid.xs[column] + grid.xs[column + 1]) / 2):
        row -= 1
    return row, column


def _covered(edges: list[_Edge], at: float, place: float) -> bool:
    return any(abs(edge.at - at) <= _NEAR and edge.begin - _NEAR <= place <= edge.end + _NEAR for edge in edges)


def _crosses(grid: _Grid, word: Segment, row: int, column: int) -> bool:
    place = (word.top + word.bottom) / 2
    inner = [x for x in grid.xs if word.left + _NEAR < x < word.right - _NEAR]
    return any(_covered(grid.down, x, place) for x in inner)
