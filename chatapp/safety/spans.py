"""Pieces of a text that a filter found something in."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Characters `start` to `end` of a text, and what stands there."""

    start: int
    end: int
    kind: str


def without_overlaps(spans: Iterable[Span]) -> list[Span]:
    """In the order of the text. Of those that overlap, the longest; of equally long ones, the first that was found."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.start - one.end, one.start)):
        at = bisect_left(kept, span.start, key=attrgetter("start"))
        if (at == len(kept) or span.end <= kept[at].start) and (at == 0 or kept[at - 1].end <= span.start):
            kept.insert(at, span)
    return kept
