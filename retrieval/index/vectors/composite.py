"""A built index with the changes that came after it: what an index version serves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np

from retrieval.contracts import Candidate, Vectors
from retrieval.index.id_set import Ids, IdSet
from retrieval.index.vectors.base import Base
from retrieval.index.vectors.flat import FlatIndex, check_added, last_of_each
from retrieval.index.vectors.halves import HalfVectors, Rows

_STEP = 16_384
_LEAST_DELTA = 20_000
_SHARE = 0.1  # of the base: a larger delta costs more than the base itself


class MergeRuns(Exception):
    """One merge at a time."""


class Composite:
    """Additions go to a flat delta, removals mark rows of the base, searches merge both. Thread-safe.

    While `merge` builds a new base, the delta of before stands between them, and every change is noted for the new one.
    """

    def __init__(self, dimension: int, base: Base | None = None) -> None:
        self.dimension = dimension
        self._lock = threading.RLock()
        self._base, self._delta = base, FlatIndex(dimension)
        self._before: FlatIndex | None = None  # the delta that is being merged
        self._since: list[Ids] = []  # changed while it is

    @property
    def base(self) -> Base | None:
        return self._base

    def __len__(self) -> int:
        with self._lock:
            return sum(len(layer) for layer in self._layers())

    def _layers(self) -> list[Base | FlatIndex]:
        """The oldest first: an id that is on its way from one to the next is found in one of them at least."""
        with self._lock:
            return [layer for layer in (self._base, self._before, self._delta) if layer is not None]

    def filled(self) -> None:
        """It makes no difference here: its owner says when to merge."""

    def add(self, ids: Ids, vectors: Vectors) -> None:
        """An id that is there already gets the new vector. One that the base has with this vector is left there."""
        check_added(ids, vectors, self.dimension)
        ids, vectors = last_of_each(ids, vectors)
        with self._lock:
            if self._base is not None and self._before is None:  # a merge would not learn of it
                old = self._base.restore(ids, vectors, but=self._delta.held(ids))
                ids, vectors = ids[~old], vectors[~old]
            if len(ids):
                self._delta.add(ids, vectors)
                self._forget(ids)

    def remove(self, ids: Ids) -> None:
        with self._lock:
            self._forget(ids)
            self._delta.remove(ids)

    def _forget(self, ids: Ids) -> None:
        ids = np.asarray(ids, dtype=np.int64)
        if self._base is not None:
            self._base.remove(ids)
        if self._before is not None:
            self._before.remove(ids)
            self._since.append(ids)

    def search(self, query: Vectors, k: int, allowed: IdSet | None) -> list[Candidate]:
        return self._merged(k, [layer.search(query, k, allowed) for layer in self._layers()])

    def exact(self, query: Vectors, k: int, allowed: IdSet | None) -> list[Candidate]:
        """The same by comparing with every vector."""
        return self._merged(k, [layer.exact(query, k, allowed) for layer in self._layers()])

    @staticmethod
    def _merged(k: int, lists: list[list[Candidate]]) -> list[Candidate]:
        newest = {one.passage_id: one for found in lists for one in found}
        return sorted(newest.values(), key=lambda one: (-one.score, one.passage_id))[:k]

    # -- merging ---------------------------------------------------------------------------------------------------
    def wants_merge(self, times: float = 1.0) -> bool:
        """`times`: the share that is worth a merge, so often"""
        with self._lock:
            held, removed = (0, 0) if self._base is None else (self._base.rows.count, self._base.rows.removed)
            return self._before is None and max(len(self._delta), removed) > times * max(_LEAST_DELTA, _SHARE * held)

    def merge(self, build: Callable[[Callable[[], Iterator[tuple[Ids, Vectors]]]], Base]) -> Base:
        """`build` makes a base of the batches it is given; searches and changes go on meanwhile."""
        with self._lock:
            if self._before is not None:
                raise MergeRuns
            self._before, self._delta, self._since = self._delta, FlatIndex(self.dimension), []
            contents = [layer.contents() for layer in self._layers()[:-1]]
        try:
            made = build(lambda: _batches(contents))
        except BaseException:
            with self._lock:
                self._undo_merge()
            raise
        with self._lock:
            for ids in self._since:
                made.remove(ids)
            self._base, self._before, self._since = made, None, []
        return made

    def _undo_merge(self) -> None:
        """The newer delta moves into the one that was to be merged."""
        newer, before = self._delta, self._before
        if before is None:
            return
        for ids, vectors in _batches([newer.contents()]):
            before.add(ids, vectors)
        self._delta, self._before, self._since = before, None, []

    def batches(self) -> Iterator[tuple[Ids, Vectors]]:
        """Everything that it holds now, for `build_index`."""
        with self._lock:
            contents = [layer.contents() for layer in self._layers()]
        return _batches(contents)


def _batches(contents: list[tuple[Ids, HalfVectors, Rows]]) -> Iterator[tuple[Ids, Vectors]]:
    for ids, vectors, rows in contents:
        for at in range(0, len(rows), _STEP):
            some = rows[at : at + _STEP]
            yield np.asarray(ids[some]), vectors.read(some)
