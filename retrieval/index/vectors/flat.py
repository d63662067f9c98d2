"""Exact search over float16 vectors in memory that come and go."""

from __future__ import annotations

import numpy as np

from retrieval.contracts import Candidate, Vectors
from retrieval.index.id_set import Ids, IdSet
from retrieval.index.shared_lock import SharedLock
from retrieval.index.vectors.halves import HalfVectors, Rows
from retrieval.index.vectors.row_tables import GrowingTable

_WASTE = 0.25  # share of removed rows above which they are given back


class FlatIndex:
    """Exact search, full recall under any filter. Adding an id that it holds replaces its vector. Thread-safe;
    searches run at once."""

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self._lock = SharedLock()
        self._vectors = HalfVectors.empty(dimension)
        self._rows = GrowingTable()

    def __len__(self) -> int:
        return len(self._rows)

    def filled(self) -> None:
        """It makes no difference here."""

    def add(self, ids: Ids, vectors: Vectors) -> None:
        check_added(ids, vectors, self.dimension)
        if not len(ids):
            return
        ids, vectors = last_of_each(ids, vectors)
        with self._lock.changing():
            self._rows.remove(ids)
            self._vectors.add(vectors)
            self._rows.append(ids)
            self._give_back()

    def remove(self, ids: Ids) -> None:
        with self._lock.changing():
            if len(ids) and self._rows.remove(np.asarray(ids, dtype=np.int64)):
                self._give_back()

    def _give_back(self) -> None:
        rows = self._rows
        if rows.removed > 1024 and rows.removed > _WASTE * rows.count:
            kept = rows.live_rows()
            self._vectors, self._rows = self._vectors.compacted(kept), GrowingTable()
            self._rows.append(rows.ids[kept])

    def search(self, query: Vectors, k: int, allowed: IdSet | None) -> list[Candidate]:
        query = checked_query(query, self.dimension)
        with self._lock.reading():
            permitted = self._rows.permitted(allowed)
            if permitted is not None and not permitted.count:
                return []
            bits = None if permitted is None else permitted.bits
            scores, rows = self._vectors.nearest(query, k, bits)
            return candidates(self._rows.ids, scores, rows)

    def contents(self) -> tuple[Ids, HalfVectors, Rows]:
        """Ids, vectors and the rows of both that are alive: for a merge into a new index."""
        with self._lock.reading():
            return self._rows.ids, self._vectors, self._rows.live_rows()

    def held(self, ids: Ids) -> Ids:
        """Those of these that it has."""
        with self._lock.reading():
            return np.asarray(self._rows.ids[self._rows.find(ids)]) if len(self._rows) else ids[:0]

    def exact(self, query: Vectors, k: int, allowed: IdSet | None) -> list[Candidate]:
        return self.search(query, k, allowed)


def candidates(ids: Ids, scores: Vectors, rows: Rows) -> list[Candidate]:
    pairs = zip(ids[rows].tolist(), scores.tolist(), strict=True)
    return [Candidate(passage_id, score) for passage_id, score in pairs]


def check_added(ids: Ids, vectors: Vectors, dimension: int) -> None:
    if vectors.shape != (len(ids), dimension):
        raise ValueError(f"expected vectors of shape {(len(ids), dimension)}, got {vectors.shape}")


def checked_query(query: Vectors, dimension: int) -> Vectors:
    if query.shape != (dimension,):
        raise ValueError(f"expected a query of shape {(dimension,)}, got {query.shape}")
    return np.ascontiguousarray(query, dtype=np.float32)


def last_of_each(ids: Ids, vectors: Vectors) -> tuple[Ids, Vectors]:
    """An id that comes twice in one call keeps its last vector."""
    ids = np.asarray(ids, dtype=np.int64)
    unique, first_from_end = np.unique(ids[::-1], return_index=True)
    if len(unique) == len(ids):
        return ids, vectors
    kept = np.sort(len(ids) - 1 - first_from_end)
    return ids[kept], vectors[kept]
