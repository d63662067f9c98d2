"""Which passage stands in which row of an index, which rows are gone, and which rows a search may find."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from retrieval.index.id_set import Ids, IdSet
from retrieval.index.vectors.halves import Rows
from retrieval.index.vectors.library import Bits

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Permitted:
    """The rows that one search may find, as one bit each."""

    bits: Bits
    count: int
    of_scope: Bits  # the same without regard to removed rows: what is derived from it lives as long as the scope
    _derived: dict[object, object] = field(default_factory=dict)

    def keeps(self, rows: Rows) -> npt.NDArray[np.bool_]:
        return np.asarray((self.bits[rows >> 3] >> (rows & 7).astype(np.uint8)) & 1, dtype=np.bool_)

    def derived(self, key: object, make: Callable[[Bits], T]) -> T:
        """What a structure makes of `of_scope`, made once."""
        if key not in self._derived:
            self._derived[key] = make(self.of_scope)
        return self._derived[key]  # type: ignore[return-value]  # only `make` of this key fills it


def as_bits(mask: npt.NDArray[np.bool_]) -> Bits:
    return np.packbits(mask, bitorder="little")


def set_rows(bits: Bits, count: int) -> npt.NDArray[np.bool_]:
    return np.unpackbits(bits, count=count, bitorder="little").view(np.bool_)


class RowTable:
    """Rows that are never moved: new ones come last, removed ones are marked. Thread-safe."""

    def __init__(self, ids: Ids) -> None:
        self._lock = threading.Lock()
        self._ids = ids
        self.count = len(ids)
        self._live = np.ones(self.count, dtype=np.bool_)
        self.removed = 0
        self._key = object()
        self._state = 0
        self._live_bits: Permitted | None = None

    @property
    def ids(self) -> Ids:
        return self._ids[: self.count]

    def __len__(self) -> int:
        return self.count - self.removed

    def find(self, ids: Ids) -> Rows:
        """The live rows of these passages."""
        rows = self._rows_of(IdSet(ids))
        return rows[self._live[rows]]

    def live_rows(self) -> Rows:
        return np.flatnonzero(self._live[: self.count])

    def remove(self, ids: Ids) -> int:
        with self._lock:
            rows = self.find(ids)
            if len(rows):
                live = self._live.copy()  # searches go on with the one that they took
                live[rows] = False
                self._live = live
                self.removed += len(rows)
                self._changed()
            return len(rows)

    def restore(self, rows: Rows) -> None:
        """Removed rows are found again."""
        with self._lock:
            rows = np.unique(rows[~self._live[rows]])
            if len(rows):
                live = self._live.copy()
                live[rows] = True
                self._live = live
                self.removed -= len(rows)
                self._changed()

    def _changed(self) -> None:
        self._state += 1
        self._live_bits = None

    def _rows_of(self, ids: IdSet) -> Rows:
        """Removed ones too."""
        return np.flatnonzero(ids.mask(self.ids))

    def permitted(self, allowed: IdSet | None) -> Permitted | None:
        """None: every row there is."""
        with self._lock:
            if allowed is None:
                if self.removed and self._live_bits is None:
                    bits = as_bits(self._live[: self.count])
                    self._live_bits = Permitted(bits, len(self), bits)
                return self._live_bits if self.removed else None
            scope = allowed.form((self._key, "scope"), self.count, self._scope)
            return allowed.form(self._key, self._state, lambda _: self._living(scope))

    def _scope(self, allowed: IdSet) -> Permitted:
        mask = np.zeros(self.count, dtype=np.bool_)
        mask[self._rows_of(allowed)] = True
        bits = as_bits(mask)
        return Permitted(bits, int(mask.sum()), bits)

    def _living(self, scope: Permitted) -> Permitted:
        if not self.removed:
            return scope
        bits = scope.bits & as_bits(self._live[: self.count])
        return Permitted(bits, int(np.bitwise_count(bits).sum()), scope.bits, scope._derived)


class GrowingTable(RowTable):
    """Takes new rows at its end."""

    def __init__(self) -> None:
        super().__init__(np.zeros(0, dtype=np.int64))

    def append(self, ids: Ids) -> None:
        with self._lock:
            needed = self.count + len(ids)
            if needed > len(self._ids):
                room = max(needed, 2 * len(self._ids), 1024)
                self._ids = np.concatenate([self.ids, np.zeros(room - self.count, dtype=np.int64)])
            live = np.zeros(len(self._ids), dtype=np.bool_)
            live[: self.count] = self._live[: self.count]
            self._ids[self.count : needed] = ids
            live[self.count : needed] = True
            self._live, self.count = live, needed
            self._changed()


class FixedTable(RowTable):
    """Rows of a built index. Where ids lie close together, a table by id finds a scope's rows at once."""

    _SPARSE = 8  # ids between the smallest and the largest for each one that exists

    def __init__(self, ids: Ids, *, live: bool = True) -> None:
        super().__init__(ids)
        if not live:
            self._live[:], self.removed = False, len(ids)
        self._first = int(ids.min()) if len(ids) else 0
        span = int(ids.max()) - self._first + 1 if len(ids) else 0
        self._row_by_id: npt.NDArray[np.int32] | None = None
        self._order: npt.NDArray[np.int64] | None = None
        if span <= self._SPARSE * len(ids) + 1024 and len(ids) < 2**31:
            self._row_by_id = np.full(span, -1, dtype=np.int32)
            self._row_by_id[ids - self._first] = np.arange(len(ids), dtype=np.int32)
        elif not bool(np.all(ids[1:] > ids[:-1])):
            self._order = np.argsort(ids)

    def places(self, ids: Ids) -> Rows:
        """The row of each of these, removed or not; -1 where there is none."""
        rows = np.full(len(ids), -1, dtype=np.int64)
        held = self._rows_of(IdSet(ids))
        order = np.argsort(self.ids[held])
        at = np.minimum(np.searchsorted(self.ids[held], ids, sorter=order), max(len(held) - 1, 0))
        if len(held):
            candidates = held[order[at]]
            same = self.ids[candidates] == ids
            rows[same] = candidates[same]
        return rows

    def _rows_of(self, ids: IdSet) -> Rows:
        if self._row_by_id is not None:
            places = ids.ids - self._first
            rows = self._row_by_id[places[(places >= 0) & (places < len(self._row_by_id))]]
            return rows[rows >= 0].astype(np.int64)
        ordered = self.ids if self._order is None else self.ids[self._order]
        places = np.minimum(np.searchsorted(ordered, ids.ids), max(len(ordered) - 1, 0))
        places = places[ordered[places] == ids.ids] if len(ordered) else places[:0]
        return np.asarray(places if self._order is None else self._order[places], dtype=np.int64)
