"""Which documents have a path that begins so: without a look at each of them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
_CHANGES = 2000  # that many rows, and a twentieth of all, are looked at one by one before all are sorted anew


class SortedPaths:
    """The paths as they were at some moment, in order; what changed since is looked at besides."""

    def __init__(self, paths: Callable[[], Sequence[str]], changed_since: Callable[[int], Rows | None]) -> None:
        self._paths, self._changed_since = paths, changed_since
        self._sorted: list[str] = []
        self._rows: Rows = np.zeros(0, dtype=np.int64)
        self._generation = -1

    def beginning(self, prefix: str, generation: int) -> npt.NDArray[np.bool_]:
        """For each row, at this generation of the table."""
        paths = self._paths()
        changed = self._changed_since(self._generation) if self._generation >= 0 else None
        if changed is None or len(changed) > _CHANGES + len(paths) // 20:
            self._sort(paths, generation)
            changed = np.zeros(0, dtype=np.int64)
        first = bisect_left(self._sorted, prefix)
        last = bisect_right(self._sorted, prefix, first, key=lambda path: path[: len(prefix)])
        mask = np.zeros(len(paths), dtype=np.bool_)
        mask[self._rows[first:last]] = True
        for row in changed.tolist():
            mask[row] = paths[row].startswith(prefix)
        return mask

    def _sort(self, paths: Sequence[str], generation: int) -> None:
        order = sorted(range(len(paths)), key=paths.__getitem__)
        self._sorted = [paths[row] for row in order]
        self._rows = np.array(order, dtype=np.int64)
        self._generation = generation
