"""The only module that imports faiss: exact inner-product search over float16 vectors."""

from __future__ import annotations

import threading
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from retrieval.contracts import Candidate, Vectors

# More threads than one make small searches slower on a busy machine: 5 ms become 19 ms on two cores.
faiss.omp_set_num_threads(1)


class FlatIndex:
    """Exact search. Ids can be removed; a set of allowed ids is searched with full recall, however small."""

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self._lock = threading.Lock()
        flat = faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
        self._index = faiss.IndexIDMap2(flat)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, ids: npt.NDArray[np.int64], vectors: Vectors) -> None:
        if vectors.shape != (len(ids), self.dimension):
            raise ValueError(f"expected vectors of shape {(len(ids), self.dimension)}, got {vectors.shape}")
        if len(ids):
            with self._lock:
                self._index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), ids)

    def remove(self, ids: npt.NDArray[np.int64]) -> None:
        if len(ids):
            with self._lock:
                self._index.remove_ids(faiss.IDSelectorBatch(np.ascontiguousarray(ids, dtype=np.int64)))

    def search(self, query: Vectors, k: int, allowed: npt.NDArray[np.int64] | None) -> list[Candidate]:
        if query.shape != (self.dimension,):
            raise ValueError(f"expected a query of shape {(self.dimension,)}, got {query.shape}")
        if allowed is not None and not len(allowed):
            return []
        parameters: Any = None
        if allowed is not None:
            selector = faiss.IDSelectorBatch(np.ascontiguousarray(allowed, dtype=np.int64))
            parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]  # its stub is wrong
        with self._lock:
            k = min(k, len(self))
            if not k:
                return []
            row = np.ascontiguousarray(query[None, :], dtype=np.float32)
            scores, ids = self._index.search(row, k, params=parameters)
        return [Candidate(int(i), float(s)) for i, s in zip(ids[0], scores[0], strict=True) if i != -1]
