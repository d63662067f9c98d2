"""What a kind of index contributes: rows that are probably near a query. Exact scores are made from the vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from retrieval.contracts import Vectors
from retrieval.index.vectors.halves import HalfVectors, Rows
from retrieval.index.vectors.row_tables import Permitted

Progress = Callable[[str, float], None]  # the phase, and how much of it is done: 0 to 1


class Structure(Protocol):
    filters: bool  # looks at permitted rows only, and at enough of them
    effort: int  # lists probed, or nodes looked at: chosen when the index was built

    def near(self, query: Vectors, k: int, permitted: Permitted | None) -> Rows:
        """Rows for the caller to choose the k best of. May return rows that are not permitted: callers check."""


@dataclass(frozen=True, slots=True)
class Build:
    """What a structure is built from, and how its maker is watched and stopped."""

    vectors: HalfVectors
    threads: int
    seed: int
    step: Progress  # raises BuildStopped


@dataclass(frozen=True, slots=True)
class StructureKind:
    """How a kind's structure is built, stored and loaded."""

    build: Callable[[Build], Structure]
    load: Callable[[Path, int, HalfVectors], Structure]  # file, effort
    save: Callable[[Any, Path], None]
    first_effort: int
    most_effort: int  # 0: nothing to tune


def breadth_for(k: int) -> int:
    """Rows fetched for k results: scores of quantised vectors are a little off."""
    return k + max(k, 32)


def over_fetched(
    nearest: Callable[[int], Rows], depth: int, permitted: Permitted | None, *, rows: int, most: int
) -> Rows:
    """For structures that cannot filter: fetch as many more as the filter will drop, look, fetch wider once."""
    if permitted is None:
        return nearest(min(depth, most))
    share = max(permitted.count / max(rows, 1), 1e-6)
    breadth = min(int(depth / share * 1.5) + 16, most)
    found = nearest(breadth)
    kept = found[permitted.keeps(found)]
    if len(kept) < depth and breadth < most:
        found = nearest(most)
        kept = found[permitted.keeps(found)]
    return kept
