"""A navigable graph (HNSW) over vectors quantised to 8 bit: the quickest search on processors, the slowest to build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from retrieval.contracts import Vectors
from retrieval.index.vectors.errors import IndexFilesDamaged
from retrieval.index.vectors.halves import HalfVectors, Rows
from retrieval.index.vectors.library import INNER_PRODUCT, faiss, threads
from retrieval.index.vectors.row_tables import Permitted
from retrieval.index.vectors.structure import Build, breadth_for, over_fetched

_lib: Any = faiss  # its stubs are incomplete
NEIGHBOURS = 24
_BREADTH_OF_BUILDING = 100
_SAMPLE = 100_000
_STEP = 4_096
_MOST = 4_096  # rows looked at; a filter that leaves fewer than wanted of these is searched exactly
FIRST_EFFORT = 64


class Graph:
    """Cannot filter: its search ends near the query, wherever the permitted rows are. So it fetches more than asked,
    and what a filter leaves of too little is answered exactly by the caller."""

    filters = False

    def __init__(self, index: Any, effort: int) -> None:
        self._index, self.effort = index, effort

    @classmethod
    def build(cls, build: Build) -> Graph:
        vectors, rows = build.vectors, len(build.vectors)
        index = _lib.IndexHNSWSQ(vectors.dimension, faiss.ScalarQuantizer.QT_8bit, NEIGHBOURS, INNER_PRODUCT)
        index.hnsw.efConstruction = _BREADTH_OF_BUILDING
        sample = np.sort(np.random.default_rng(build.seed).permutation(rows)[:_SAMPLE])
        with threads(build.threads):
            index.train(vectors.read(sample))
            for at in range(0, rows, _STEP):
                index.add(vectors.read(np.arange(at, min(at + _STEP, rows))))
                build.step("linking", min(at + _STEP, rows) / rows)
        return cls(index, FIRST_EFFORT)

    @classmethod
    def load(cls, path: Path, effort: int, _: HalfVectors) -> Graph:
        try:
            return cls(faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC), effort)
        except RuntimeError as error:
            raise IndexFilesDamaged(detail=f"{path}: {error}") from None

    def save(self, path: Path) -> None:
        faiss.write_index(self._index, str(path))

    def near(self, query: Vectors, k: int, permitted: Permitted | None) -> Rows:
        rows = int(self._index.ntotal)
        return over_fetched(
            lambda breadth: self._nearest(query, breadth), breadth_for(k), permitted, rows=rows, most=min(_MOST, rows)
        )

    def _nearest(self, query: Vectors, breadth: int) -> Rows:
        parameters = _lib.SearchParametersHNSW()
        parameters.efSearch = max(self.effort, breadth)
        with threads(1):
            _, rows = self._index.search(query[None, :], breadth, params=parameters)
        return rows[0][rows[0] >= 0]
