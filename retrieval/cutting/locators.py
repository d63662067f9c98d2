"""Where a passage stands, in the words of its format: the places of its pieces made one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CHARACTERS = 200
_CELLS = re.compile(
    r"(?P<before>.*, )(?P<left>[A-Z]{1,3})(?P<top>\d{1,7})(?::(?P<right>[A-Z]{1,3})(?P<bottom>\d{1,7}))?"
)
_NUMBERS = re.compile(
    r"(?P<before>(?:.*, )?)(?P<what>page|slide|part|cell|line)s? (?P<first>\d{1,9})(?:-(?P<last>\d{1,9}))?"
)
_NOTES = ", notes"  # of a slide: they belong to it


@dataclass(frozen=True, slots=True)
class _Cells:
    before: str
    columns: tuple[str, ...]
    rows: tuple[int, ...]

    def __str__(self) -> str:
        columns = sorted(self.columns, key=lambda column: (len(column), column))
        here, there = f"{columns[0]}{min(self.rows)}", f"{columns[-1]}{max(self.rows)}"
        return self.before + (here if here == there else f"{here}:{there}")

    def with_(self, other: _Cells) -> _Cells:
        return _Cells(self.before, self.columns + other.columns, self.rows + other.rows)


@dataclass(frozen=True, slots=True)
class _Numbers:
    before: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.before} {self.first}" if self.first == self.last else f"{self.before}s {self.first}-{self.last}"

    def with_(self, other: _Numbers) -> _Numbers:
        return _Numbers(self.before, min(self.first, other.first), max(self.last, other.last))


_Place = _Cells | _Numbers


def joined(locators: Iterable[str]) -> str:
    """Of pieces in their order: what covers them all, or else the first and the last. Where one of them has none, the
    first alone, which may be empty: the others would say too little."""
    places = list(dict.fromkeys(locators))
    if len(places) < 2 or not all(places):
        return places[0][:CHARACTERS] if places else ""
    together = _together(places)
    if together is None:
        together = f"{places[0]} to {places[-1]}"
    return together if len(together) <= CHARACTERS else places[0][:CHARACTERS]


def _together(places: Sequence[str]) -> str | None:
    whole = _read(places[0])
    for place in places[1:]:
        whole = _with(whole, _read(place))
    return str(whole) if whole is not None else None


def _with(whole: _Place | None, part: _Place | None) -> _Place | None:
    match whole, part:
        case _Cells(), _Cells() if whole.before == part.before:
            return whole.with_(part)
        case _Numbers(), _Numbers() if whole.before == part.before:
            return whole.with_(part)
    return None


def _read(place: str) -> _Place | None:
    if found := _CELLS.fullmatch(place):
        columns, rows = found.group("left", "right"), found.group("top", "bottom")
        return _Cells(found["before"], tuple(filter(None, columns)), tuple(int(row) for row in rows if row))
    if found := _NUMBERS.fullmatch(place.removesuffix(_NOTES)):
        first = int(found["first"])
        return _Numbers(found["before"] + found["what"], first, int(found["last"] or first))
    return None


def of_rows(locator: str, rows: int, held: Sequence[int]) -> str:
    """The place of some of a table's rows, by their numbers from 0, the header's. The header may stand elsewhere: it is
    repeated in each part of a long table. The place of the whole where its cells are not those of its rows."""
    whole = _read(locator)
    if not isinstance(whole, _Cells) or not held:
        return locator
    top, bottom = min(whole.rows), max(whole.rows)
    if bottom - top + 1 not in (rows, rows - 1) or rows < 2:
        return locator
    numbers = [max(bottom - (rows - 1 - row), top) for row in (min(held), max(held))]
    return str(_Cells(whole.before, whole.columns, tuple(numbers)))
