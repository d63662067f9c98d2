"""Plots as shapes of an SVG: bars that stand on one another, and lines. Pure; the template only writes them down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import floor, log10

from django.utils.dateformat import format as date
from django.utils.translation import gettext as _

Value = float | None
Say = Callable[[float], str]

WIDTH, HEIGHT = 640, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 8, 12, 26
_FLOOR = HEIGHT - _BOTTOM
_LINES = 5  # of the grid above 0, at most
_GAP = 0.2  # of a column


@dataclass(frozen=True, slots=True)
class Series:
    """`look`: one of the classes of system.css. A value of None: nothing is known of that time."""

    name: str
    look: str
    values: Sequence[Value]


@dataclass(frozen=True, slots=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    look: str


@dataclass(frozen=True, slots=True)
class Line:
    points: str  # of a polyline
    look: str


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Hint:
    """What is said of a column when one points at it."""

    x: float
    width: float
    text: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the lines of the grid and their labels lie, in units of the SVG."""

    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    floor: int = _FLOOR
    tall: int = _FLOOR - _TOP
    level_label: int = _LEFT - 6
    time_mark: int = _FLOOR + 5
    time_label: int = HEIGHT - 5


FRAME = Frame()


@dataclass(frozen=True, slots=True)
class Plot:
    key: str
    title: str
    summary: str
    series: Sequence[Series]
    bars: Sequence[Bar]
    lines: Sequence[Line]
    levels: Sequence[Tick]
    times: Sequence[Tick]
    hints: Sequence[Hint]
    table: Sequence[tuple[str, Sequence[str]]]  # (time, a value of each series), without times at which nothing was

    @property
    def frame(self) -> Frame:
        return FRAME

    @property
    def empty(self) -> bool:
        return not self.table


@dataclass(frozen=True, slots=True)
class Axis:
    """The times of the columns, how they are written, and how many columns lie between two written ones."""

    begins: Sequence[datetime]
    short: str
    every: int
    long: str = "d M, H:i"


def plot(
    key: str,
    title: str,
    summary: str,
    axis: Axis,
    say: Say,
    *,
    bars: Sequence[Series] = (),
    lines: Sequence[Series] = (),
) -> Plot:
    """`say` writes a value in words, with its unit."""
    series = [*bars, *lines]
    top = _top_of(bars, lines)
    width = (WIDTH - _LEFT - _RIGHT) / max(len(axis.begins), 1)
    return Plot(
        key,
        title,
        summary,
        series,
        list(_bars(bars, width, top)),
        [one for each in lines for one in _lines(each, width, top)],
        [Tick(_height(level, top), say(level)) for level in _levels(top)],
        _times(axis, width),
        _hints(axis, series, width, say),
        _table(axis, bars, lines, say),
    )


def _top_of(bars: Sequence[Series], lines: Sequence[Series]) -> float:
    """A round number above all that is drawn; 1 where nothing is."""
    stacked = [sum(value or 0 for value in column) for column in zip(*(one.values for one in bars), strict=True)]
    highest = max([*stacked, *(value or 0 for one in lines for value in one.values)], default=0)
    if highest <= 0:
        return 1.0
    power = 10.0 ** floor(log10(highest))
    return next(step * power for step in (1, 2, 4, 5, 8, 10) if step * power >= highest * (1 - 1e-9))


def _levels(top: float) -> list[float]:
    """Without halves of what is counted."""
    lines = next((n for n in range(_LINES, 1, -1) if top / n == round(top / n)), 1 if top == 1 else 2)
    return [top * number / lines for number in range(lines + 1)]


def _height(value: float, top: float) -> float:
    return round(_FLOOR - (_FLOOR - _TOP) * value / top, 1)


def _bars(series: Sequence[Series], width: float, top: float) -> list[Bar]:
    found = []
    for number, column in enumerate(zip(*(one.values for one in series), strict=True)):
        below = 0.0
        for one, value in zip(series, column, strict=True):
            if value:
                y, foot = _height(below + value, top), _height(below, top)
                x = round(_LEFT + (number + _GAP / 2) * width, 1)
                found.append(Bar(x, y, round(width * (1 - _GAP), 1), round(foot - y, 1), one.look))
                below += value
    return found


def _lines(series: Series, width: float, top: float) -> list[Line]:
    """One for each stretch without gaps; of a single value a short one."""
    stretches: list[list[tuple[float, float]]] = [[]]
    for number, value in enumerate(series.values):
        if value is None:
            stretches.append([])
        else:
            stretches[-1].append((_LEFT + (number + 0.5) * width, _height(value, top)))
    return [Line(_points(one, width), series.look) for one in stretches if one]


def _points(stretch: list[tuple[float, float]], width: float) -> str:
    if len(stretch) == 1:
        ((x, y),) = stretch
        stretch = [(x - width / 2, y), (x + width / 2, y)]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in stretch)


def _times(axis: Axis, width: float) -> list[Tick]:
    some = range(0, len(axis.begins), axis.every)
    return [Tick(round(_LEFT + number * width, 1), date(axis.begins[number], axis.short)) for number in some]


def _hints(axis: Axis, series: Sequence[Series], width: float, say: Say) -> list[Hint]:
    found = []
    for number, at in enumerate(axis.begins):
        told = [f"{one.name}: {say(value)}" for one in series if (value := one.values[number]) is not None]
        values = ", ".join(told) or _("nothing is known")
        text = f"{date(at, axis.long)} – {values}"
        found.append(Hint(round(_LEFT + number * width, 1), round(width, 1), text))
    return found


def _table(axis: Axis, bars: Sequence[Series], lines: Sequence[Series], say: Say) -> list[tuple[str, list[str]]]:
    """Times at which nothing was counted are left out, those at which a line is at 0 are not."""
    rows = []
    for number, at in enumerate(axis.begins):
        counts, levels = [one.values[number] for one in bars], [one.values[number] for one in lines]
        values = [*counts, *levels]
        if any(counts) or any(one is not None for one in levels):
            rows.append((date(at, axis.long), ["–" if value is None else say(value) for value in values]))
    return rows
