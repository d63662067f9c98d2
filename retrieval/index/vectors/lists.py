"""Inverted lists of vectors quantised to 8 bit a component: the kind for a million vectors and more on processors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval.contracts import Vectors
from retrieval.index.vectors.errors import IndexFilesDamaged
from retrieval.index.vectors.halves import HalfVectors, Rows
from retrieval.index.vectors.library import INNER_PRODUCT, Bits, faiss, only, threads
from retrieval.index.vectors.memory import list_count
from retrieval.index.vectors.row_tables import Permitted, set_rows
from retrieval.index.vectors.structure import Build, breadth_for

_SAMPLE = 48  # vectors a list that the centroids are trained on
_ROUNDS = 10
_STEP = 16_384  # rows between two looks at the stop flag
# A vector is rarely more similar to a query than the middle of its list by more than this: measured, 1,000,000 vectors.
# Where the k-th result is not so far above the last list probed, as with a query that lies far from all it may find,
# the lists behind it may hold better ones.
_MARGIN = 0.25
_FURTHER = 4  # times as many lists are looked at then
FIRST_EFFORT = 32


class Lists:
    """Probes the lists nearest to a query. Under a filter, only lists that hold permitted rows are probed, and as many
    as it takes to look at as many permitted rows as a search without filter would: a filter that follows the topics
    of the documents costs no recall."""

    filters = True

    def __init__(self, index: Any, effort: int) -> None:
        self._index, self.effort = index, effort
        self._centroids: Vectors = faiss.downcast_index(index.quantizer).reconstruct_n(0, index.nlist)
        self._key = object()
        self._list_of = self._lists_of_rows()

    @classmethod
    def build(cls, build: Build) -> Lists:
        vectors, rows = build.vectors, len(build.vectors)
        count = list_count(rows)
        quantizer = faiss.IndexFlatIP(vectors.dimension)
        index = faiss.IndexIVFScalarQuantizer(
            quantizer, vectors.dimension, count, faiss.ScalarQuantizer.QT_8bit, INNER_PRODUCT
        )
        sample = np.random.default_rng(build.seed).permutation(rows)[: _SAMPLE * count]
        trained_on = vectors.read(np.sort(sample))
        with threads(build.threads):
            quantizer.add(_centroids(trained_on, count, build))
            index.train(trained_on)  # the quantizer is trained: only the ranges of the components are left
            for at in range(0, rows, _STEP):
                index.add(vectors.read(np.arange(at, min(at + _STEP, rows))))
                build.step("filling the lists", min(at + _STEP, rows) / rows)
        return cls(index, FIRST_EFFORT)

    @classmethod
    def load(cls, path: Path, effort: int, _: HalfVectors) -> Lists:
        try:
            return cls(faiss.read_index(str(path), faiss.IO_FLAG_MMAP), effort)
        except RuntimeError as error:
            raise IndexFilesDamaged(detail=f"{path}: {error}") from None

    def save(self, path: Path) -> None:
        faiss.write_index(self._index, str(path))

    def near(self, query: Vectors, k: int, permitted: Permitted | None) -> Rows:
        nearness = self._centroids @ query
        bits = None if permitted is None else permitted.bits
        lists, first = self._order(nearness, permitted)
        if not len(lists):
            return np.zeros(0, dtype=np.int64)
        depth = breadth_for(k)
        scores, rows = self._search(query, depth, lists[:first], nearness, bits)
        if first < len(lists) and (len(rows) < k or scores[k - 1] - nearness[lists[first - 1]] < _MARGIN):
            more = self._search(query, depth, lists[first : _FURTHER * first], nearness, bits)
            scores, rows = np.concatenate([scores, more[0]]), np.concatenate([rows, more[1]])
            rows = rows[np.argsort(-scores)[:depth]]
        return rows

    def _order(self, nearness: Vectors, permitted: Permitted | None) -> tuple[Rows, int]:
        """Lists that may hold something, the nearest first, and how many of them to begin with."""
        effort = min(self.effort, len(nearness))
        if permitted is None:
            lists = np.argpartition(-nearness, min(_FURTHER * effort, len(nearness)) - 1)[: _FURTHER * effort]
            return lists[np.argsort(-nearness[lists])].astype(np.int64), effort
        held = permitted.derived(self._key, self._rows_in_lists)
        lists = np.flatnonzero(held).astype(np.int64)
        lists = lists[np.argsort(-nearness[lists])]
        wanted = effort * len(self._list_of) / len(nearness)
        enough = int(np.searchsorted(np.cumsum(held[lists]), wanted)) + 1
        return lists, min(max(effort, enough), len(lists))

    def _rows_in_lists(self, bits: Bits) -> npt.NDArray[np.int64]:
        permitted = set_rows(bits, len(self._list_of))
        return np.bincount(self._list_of[permitted], minlength=len(self._centroids))

    def _search(
        self, query: Vectors, depth: int, lists: Rows, nearness: Vectors, bits: Bits | None
    ) -> tuple[Vectors, Rows]:
        scores, rows = np.empty((1, depth), np.float32), np.empty((1, depth), np.int64)
        parameters = faiss.SearchParametersIVF()
        parameters.nprobe = len(lists)
        kept = only(bits)
        if kept is not None:
            parameters.sel = kept.sel
        pointer: Any = faiss.swig_ptr
        lists = np.ascontiguousarray(lists)
        near = np.ascontiguousarray(nearness[lists], dtype=np.float32)
        with threads(1):  # faiss' Python wrapper of this call takes no parameters
            self._index.search_preassigned_c(
                1, pointer(query), depth, pointer(lists), pointer(near), pointer(scores), pointer(rows), False,
                parameters,
            )  # fmt: skip
        found = rows[0] >= 0
        return scores[0][found], rows[0][found]

    def _lists_of_rows(self) -> npt.NDArray[np.int32]:
        found = np.zeros(int(self._index.ntotal), dtype=np.int32)
        lists = self._index.invlists
        for number in range(int(self._index.nlist)):
            size = lists.list_size(number)
            if size:
                ids = lists.get_ids(number)
                found[faiss.rev_swig_ptr(ids, size)] = number
                lists.release_ids(number, ids)
        return found


def _centroids(sample: Vectors, count: int, build: Build) -> Vectors:
    """k-means round by round, so that it can be watched and stopped."""
    clustering = faiss.Clustering(sample.shape[1], count)
    clustering.niter, clustering.spherical, clustering.seed = 1, True, build.seed + 1
    clustering.min_points_per_centroid, clustering.max_points_per_centroid = 1, 10_000
    for done in range(_ROUNDS):
        assignment = faiss.IndexFlatIP(sample.shape[1])
        clustering.train(sample, assignment)
        build.step("training", (done + 1) / _ROUNDS)
    return np.asarray(faiss.vector_to_array(clustering.centroids)).reshape(count, -1)
