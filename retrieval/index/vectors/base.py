"""A built index, served from its folder: rows never change, removed ones are marked."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from retrieval.contracts import Candidate, Vectors
from retrieval.index.id_set import Ids, IdSet
from retrieval.index.vectors.flat import candidates, checked_query
from retrieval.index.vectors.halves import HalfVectors, Rows
from retrieval.index.vectors.manifest import Manifest
from retrieval.index.vectors.row_tables import FixedTable, Permitted
from retrieval.index.vectors.structure import Structure

# So many permitted rows are compared one by one as quickly as lists are searched (benchmarks/vector_index).
EXACT_ROWS = 30_000
_FEW = 0.05  # of an index that cannot filter: it would have to look at twenty times as many rows


class Base:
    """Searches may run at once, also beside `remove`."""

    def __init__(
        self, manifest: Manifest, ids: Ids, vectors: HalfVectors, structure: Structure | None, *, live: bool = True
    ) -> None:
        self.manifest = manifest
        self.vectors, self.rows, self.structure = vectors, FixedTable(ids, live=live), structure
        self.dimension = vectors.dimension

    def __len__(self) -> int:
        return len(self.rows)

    def remove(self, ids: Ids) -> int:
        return self.rows.remove(ids)

    def restore(self, ids: Ids, vectors: Vectors, but: Ids) -> npt.NDArray[np.bool_]:
        """-> which of these, but for some, it holds with the very same vector: they are found again."""
        places = np.where(np.isin(ids, but), -1, self.rows.places(ids))
        held = np.flatnonzero(places >= 0)
        if not len(held):
            return places >= 0
        stored, given = self.vectors.read(places[held]), vectors[held].astype(np.float16).astype(np.float32)
        same = np.zeros(len(ids), dtype=np.bool_)
        same[held] = np.all(stored == given, axis=1)
        self.rows.restore(places[same])
        return same

    def search(self, query: Vectors, k: int, allowed: IdSet | None) -> list[Candidate]:
        query = checked_query(query, self.dimension)
        permitted = self.rows.permitted(allowed)
        if not len(self) or (permitted is not None and not permitted.count):
            return []
        scores, rows = self._found(query, k, permitted)
        return candidates(self.rows.ids, scores, rows)

    def _found(self, query: Vectors, k: int, permitted: Permitted | None) -> tuple[Vectors, Rows]:
        bits = None if permitted is None else permitted.bits
        available = self.rows.count if permitted is None else permitted.count
        if self.structure is None or (permitted is not None and self._few(permitted.count)):
            return self.vectors.nearest(query, k, bits)
        rows = self.structure.near(query, min(k, available), permitted)
        if permitted is not None:
            rows = rows[permitted.keeps(rows)]  # whatever a structure says: nothing leaves that is not permitted
        if len(rows) < min(k, available):
            return self.vectors.nearest(query, k, bits)
        scores = self.vectors.scores(query, rows)
        best = np.argsort(-scores, kind="stable")[:k]
        return scores[best], rows[best]

    def _few(self, permitted: int) -> bool:
        if permitted <= EXACT_ROWS or self.structure is None:
            return True
        return not self.structure.filters and permitted < _FEW * self.rows.count

    def exact(self, query: Vectors, k: int, allowed: IdSet | None) -> list[Candidate]:
        permitted = self.rows.permitted(allowed)
        if permitted is not None and not permitted.count:
            return []
        bits = None if permitted is None else permitted.bits
        return candidates(self.rows.ids, *self.vectors.nearest(checked_query(query, self.dimension), k, bits))

    def contents(self) -> tuple[Ids, HalfVectors, Rows]:
        """Ids, vectors and the rows of both that are alive."""
        return self.rows.ids, self.vectors, self.rows.live_rows()


def _ask_for(folder: Path) -> None:
    """Have the system read the files ahead: else the first searches wait for the disk, page by page."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)


def load_base(folder: Path, *, live: bool = True) -> Base:
    """Not `live`: nothing of it is found until `restore` names it."""
    from retrieval.index.vectors.kinds import structure_of  # only what a kind needs is imported

    manifest = Manifest.read(folder)
    manifest.check_sizes(folder)
    _ask_for(folder)
    vectors = HalfVectors.mapped(folder / "vectors.faiss")
    ids = np.load(folder / "ids.npy", mmap_mode="r")
    manifest.check_counts(len(ids), len(vectors), vectors.dimension)
    kind = structure_of(manifest.kind) if len(ids) else None
    structure = kind.load(folder / "structure.faiss", manifest.effort, vectors) if kind else None
    return Base(manifest, np.asarray(ids), vectors, structure, live=live)
