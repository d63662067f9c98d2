"""The reading order of a page: pdfium gives the lines as they were written, which is nearly always as they are read.
Where it is not, columns are told by the white between them."""

from __future__ import annotations

from itertools import pairwise

from retrieval.parsing.pdf_page import Line

_COLUMN_LINES = 4  # fewer side by side are no columns
_COLUMN_SHARE = 0.2  # of the page's characters that each side has at least
_CROSSING = 0.4  # of the lines may run over the white: titles, tables
_PROSE = 20  # characters a line of running text has at least
_STEPS = 60
_DEPTH = 3


def in_reading_order(lines: list[Line]) -> list[Line]:
    joined = _joined(lines)
    if not _is_mixed(joined) and not _merged_columns(joined):
        return joined
    return _by_columns(joined, 0)


def _joined(lines: list[Line]) -> list[Line]:
    """What stands side by side with no more than a space between it is one line: raised numbers, changes of font."""
    joined: list[Line] = []
    for line in lines:
        last = joined[-1] if joined else None
        if last is not None and not last.broken and _continues(last, line):
            joined[-1] = _together(last, line)
        else:
            joined.append(line)
    return joined


def _continues(last: Line, line: Line) -> bool:
    if last.is_upright or line.is_upright:
        return False
    height = min(last.height, line.height)
    overlap = min(last.bottom, line.bottom) - max(last.top, line.top)
    wider = max(last.height, line.height)
    return overlap >= 0.4 * height and -0.5 * wider <= line.left - last.right < 0.8 * wider


def _together(last: Line, line: Line) -> Line:
    gap = line.left - last.right
    glue = "" if gap < 0.15 * max(last.height, line.height) or line.text[0] in ",.;:)" else " "
    parts = []
    if last.segments or line.segments:
        first, second = last.parts, line.parts
        bridge = first[-1]
        bridge.text += glue + second[0].text
        bridge.right = second[0].right
        parts = [*first, *second[1:]]
    return Line(
        last.text + glue + line.text,
        min(last.left, line.left),
        min(last.top, line.top),
        max(last.right, line.right),
        max(last.bottom, line.bottom),
        size=max(last.size, line.size),
        bold=last.bold and line.bold,
        broken=line.broken,
        segments=parts,
        start=last.start,
    )


def _is_mixed(lines: list[Line]) -> bool:
    """Whether the lines jump upwards where they stand below each other, other than for head and foot of the page."""
    inner = lines[1:-1]
    jumps = sum(
        below.bottom <= above.top - above.height and _overlap(above, below) > 0.5 for above, below in pairwise(inner)
    )
    return jumps > max(1, len(lines) // 20)


def _overlap(one: Line, other: Line) -> float:
    shared = min(one.right, other.right) - max(one.left, other.left)
    return shared / max(min(one.right - one.left, other.right - other.left), 1.0)


def _merged_columns(lines: list[Line]) -> bool:
    """Whether lines run over two columns of running text: half of them have the same wide gap between long parts."""
    halves = [line for line in lines if len(line.segments) == 2 and all(len(s.text) >= _PROSE for s in line.segments)]
    if len(halves) < max(_COLUMN_LINES, len(lines) * 0.4):
        return False
    return max(line.segments[0].right for line in halves) <= min(line.segments[1].left for line in halves)


def _by_columns(lines: list[Line], depth: int) -> list[Line]:
    gutter = _gutter(lines) if depth < _DEPTH else None
    if gutter is None:
        return _downwards(lines)
    ordered: list[Line] = []
    left: list[Line] = []
    right: list[Line] = []
    for line in _downwards([part for whole in lines for part in _divided(whole, gutter)]):
        if line.right <= gutter:
            left.append(line)
        elif line.left >= gutter:
            right.append(line)
        else:
            ordered += [*_by_columns(left, depth + 1), *_by_columns(right, depth + 1), line]
            left, right = [], []
    return [*ordered, *_by_columns(left, depth + 1), *_by_columns(right, depth + 1)]


def _downwards(lines: list[Line]) -> list[Line]:
    height = sorted(line.height for line in lines)[len(lines) // 2] if lines else 1.0
    return sorted(lines, key=lambda line: (round((line.top + line.bottom) / max(height, 1.0)), line.left))


def _divided(line: Line, gutter: float) -> list[Line]:
    """A line whose parts stand on both sides is two."""
    left = [s for s in line.segments if s.right <= gutter]
    right = [s for s in line.segments if s.left >= gutter]
    if not left or not right or len(left) + len(right) < len(line.segments):
        return [line]
    return [
        Line(
            " ".join(s.text for s in parts),
            min(s.left for s in parts),
            min(s.top for s in parts),
            max(s.right for s in parts),
            max(s.bottom for s in parts),
            size=line.size,
            bold=line.bold,
            broken=line.broken and parts is right,
            segments=parts if len(parts) > 1 else [],
            start=line.start,
        )
        for parts in (left, right)
    ]


def _gutter(lines: list[Line]) -> float | None:
    """The place across the page that the fewest lines run over, with enough text on both sides."""
    if len(lines) < 2 * _COLUMN_LINES:
        return None
    begin, end = min(line.left for line in lines), max(line.right for line in lines)
    best: tuple[int, float, float] | None = None
    for step in range(_STEPS // 5, _STEPS - _STEPS // 5):
        place = begin + (end - begin) * step / _STEPS
        if (crossing := _crossing(lines, place)) is not None:
            rank = (crossing, abs(step - _STEPS / 2), place)
            best = rank if best is None or rank < best else best
    return best[2] if best else None


def _crossing(lines: list[Line], place: float) -> int | None:
    """How many lines run over this place; None where it does not divide the page into columns."""
    parts = [part for line in lines for part in _divided(line, place)]
    left = [line for line in parts if line.right <= place]
    right = [line for line in parts if line.left >= place]
    crossing = len(parts) - len(left) - len(right)
    if min(len(left), len(right)) < _COLUMN_LINES or crossing > _CROSSING * len(parts):
        return None
    characters = sum(len(line.text) for line in parts)
    for side in (left, right):
        own = sum(len(line.text) for line in side)
        if own < _COLUMN_SHARE * characters or own < _PROSE * 0.5 * len(side):
            return None
    return crossing
