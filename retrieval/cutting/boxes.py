"""Where a passage stands on its pages: the boxes of its lines, neighbouring ones made one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from retrieval.contracts import Box

MOST = 200
_RECENT = 4  # a raised letter makes a line of its own between two that belong together


def merged(boxes: Iterable[Box]) -> tuple[Box, ...]:
    """Lines that follow one another make one box; at most MOST of them, rounded to a ten-thousandth of the page."""
    found: list[Box] = []
    for box in boxes:
        recent = range(len(found) - 1, max(len(found) - 1 - _RECENT, -1), -1)
        place = next((place for place in recent if _together(found[place], box)), None)
        if place is not None:
            found[place] = _union(found[place], box)
        elif len(found) < MOST:
            found.append(box)
    return tuple(_rounded(box) for box in _without_overlaps(found))


def _without_overlaps(boxes: list[Box]) -> list[Box]:
    """What lies mostly on another belongs to it."""
    kept: list[Box] = []
    for box in sorted(boxes, key=_area, reverse=True):
        place = next((n for n, one in enumerate(kept) if _overlap(one, box) > 0.5 * _area(box)), None)
        if place is None:
            kept.append(box)
        else:
            kept[place] = _union(kept[place], box)
    return sorted(kept, key=lambda box: (box.page, box.top, box.left))


def _together(last: Box, box: Box) -> bool:
    if last.page != box.page:
        return False
    upright = box.right - box.left < box.bottom - box.top and last.bottom - last.top > box.right - box.left
    return _follows(_turned(last), _turned(box)) if upright else _follows(last, box) or _continues(last, box)


def _follows(last: Box, box: Box) -> bool:
    """It is the same line, or the next one of the same column."""
    height = box.bottom - box.top
    beside = min(last.right, box.right) - max(last.left, box.left)
    narrower = min(last.right - last.left, box.right - box.left)
    near = last.top - height <= box.bottom and box.top <= last.bottom + height
    return near and beside >= narrower / 2


def _continues(last: Box, box: Box) -> bool:
    """It goes on in the same line."""
    lower = min(last.bottom - last.top, box.bottom - box.top)
    shared = min(last.bottom, box.bottom) - max(last.top, box.top)
    gap = max(last.left, box.left) - min(last.right, box.right)
    alike = max(last.bottom - last.top, box.bottom - box.top) < 2 * lower
    return alike and shared > 0.6 * lower and gap < 1.5 * lower


def _turned(box: Box) -> Box:
    return Box(box.page, box.top, box.left, box.bottom, box.right)


def _union(one: Box, other: Box) -> Box:
    return Box(
        one.page,
        min(one.left, other.left),
        min(one.top, other.top),
        max(one.right, other.right),
        max(one.bottom, other.bottom),
    )


def _area(box: Box) -> float:
    return (box.right - box.left) * (box.bottom - box.top)


def _overlap(one: Box, other: Box) -> float:
    wide = min(one.right, other.right) - max(one.left, other.left)
    high = min(one.bottom, other.bottom) - max(one.top, other.top)
    return wide * high if one.page == other.page and wide > 0 and high > 0 else 0.0


def _rounded(box: Box) -> Box:
    sides = {side: round(getattr(box, side), 4) for side in ("left", "top", "right", "bottom")}
    return replace(box, **sides)
