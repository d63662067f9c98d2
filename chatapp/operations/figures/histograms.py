"""Counts by size, from which the middle of many minutes is told without their single values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# Upper ends: a value is counted in the first that is larger. What is larger than the last one has a place of its own.
FIRST_TOKEN_MS: tuple[int, ...] = (
    *(50, 100, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 5000, 7000, 10_000, 15_000, 20_000, 30_000),
    *(60_000, 120_000),
)
TOKENS_A_SECOND = (1, 2, 3, 5, 7, 10, 15, 20, 30, 40, 50, 70, 100, 150, 200, 300, 500, 1000)


def counted(places: Iterable[tuple[int, int]], ends: Sequence[int]) -> list[int]:
    """From (place, how many), as Postgres's width_bucket numbers places."""
    counts = [0] * (len(ends) + 1)
    for place, number in places:
        counts[place] += number
    return counts


def added(counts: list[int], more: Sequence[int]) -> list[int]:
    """An empty one holds nothing."""
    if not counts:
        return list(more)
    return [one + other for one, other in zip(counts, more, strict=True)] if more else counts


def quantile(counts: Sequence[int], ends: Sequence[int], share: float) -> float | None:
    """Below which so many are, taken to lie evenly within their place; None: there are none."""
    wanted, below = share * sum(counts), 0
    if not wanted:
        return None
    for place, number in enumerate(counts):
        if number and below + number >= wanted:
            begin = ends[place - 1] if place else 0
            end = ends[place] if place < len(ends) else begin
            return begin + (end - begin) * (wanted - below) / number
        below += number
    return float(ends[-1])
