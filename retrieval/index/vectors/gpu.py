"""Indexes on the first GPU: exact, product-quantised lists, and the CAGRA graph of cuVS.

Filters: faiss on GPUs ignores selectors without a word, so nothing here trusts one. More is fetched than asked, the
caller checks every row, and what is left of too little is searched exactly on the processor. One search runs at a time:
the scratch memory of a GPU is shared.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.contracts import Vectors
from retrieval.index.vectors.errors import IndexFilesDamaged, IndexKindMissing
from retrieval.index.vectors.halves import HalfVectors, Rows
from retrieval.index.vectors.library import INNER_PRODUCT, faiss, threads
from retrieval.index.vectors.memory import list_count
from retrieval.index.vectors.row_tables import Permitted
from retrieval.index.vectors.structure import Build, StructureKind, breadth_for, over_fetched

_lib: Any = faiss
MOST = 2048  # rows of one search on a GPU
_CODE_BYTES = (96, 64, 56, 48, 40, 32, 28, 24, 20, 16, 12, 8, 4)  # that its kernels know
_STEP = 262_144
_SAMPLE = 48
_GRAPH_DEGREE = 64


def device_count() -> int:
    return int(_lib.get_num_gpus()) if hasattr(_lib, "StandardGpuResources") else 0


def has_cagra() -> bool:
    return hasattr(_lib, "GpuIndexCagra")


class GpuStructure:
    """One index on the GPU. `effort` is the number of lists, or of candidates of a graph, that a search looks at."""

    filters = False

    def __init__(self, index: Any, effort: int, parameters: Callable[[int, int], Any], rescored: bool) -> None:
        self._index, self.effort = index, effort
        self._parameters = parameters
        self._widen = 4 if rescored else 1  # scores of compressed vectors: fetch more for the exact ones to choose from
        self._lock = threading.Lock()

    def near(self, query: Vectors, k: int, permitted: Permitted | None) -> Rows:
        rows = int(self._index.ntotal)
        most = min(MOST, rows)

        def nearest(breadth: int) -> Rows:
            found = self.batch(query[None, :], breadth)[0]
            return found[found >= 0]

        return over_fetched(nearest, min(breadth_for(k) * self._widen, most), permitted, rows=rows, most=most)

    def batch(self, queries: Vectors, depth: int) -> Rows:
        """-> (queries, depth) rows, -1 where there are no more."""
        with self._lock:
            _, rows = self._index.search(queries, depth, params=self._parameters(self.effort, depth))
        return np.asarray(rows, dtype=np.int64)


def structure_kind(kind: str) -> StructureKind:
    if not device_count():
        raise IndexKindMissing("There is no GPU here that faiss can use.")
    if kind == "gpu_cagra" and not has_cagra():
        raise IndexKindMissing("The installed faiss has no CAGRA: it takes the extra gpu-cuvs.")
    makers = {
        "gpu_flat": StructureKind(_build_flat, _load_flat, _no_file, 1, 0),
        "gpu_ivf_pq": StructureKind(_build_ivf_pq, _load_ivf_pq, _save_ivf_pq, 32, 2048),
        "gpu_cagra": StructureKind(_build_cagra, _load_cagra, _save_cagra, 64, 512),
    }
    return makers[kind]


def _resources() -> Any:
    resources = _lib.StandardGpuResources()
    resources.setTempMemory(512 * 1024 * 1024)
    return resources


def _read(path: Path) -> Any:
    try:
        return _lib.read_index(str(path))
    except RuntimeError as error:
        raise IndexFilesDamaged(detail=f"{path}: {error}") from None


# -- exact -------------------------------------------------------------------------------------------------------------
def _build_flat(build: Build) -> GpuStructure:
    config = _lib.GpuIndexFlatConfig()
    config.useFloat16, config.device = True, 0
    index = _lib.GpuIndexFlatIP(_resources(), build.vectors.dimension, config)
    index.reserve(len(build.vectors)) if hasattr(index, "reserve") else None
    for at in range(0, len(build.vectors), _STEP):
        index.add(build.vectors.read(np.arange(at, min(at + _STEP, len(build.vectors)))))
        build.step("copying to the GPU", min(at + _STEP, len(build.vectors)) / len(build.vectors))
    return GpuStructure(index, 1, lambda effort, depth: None, rescored=False)


def _load_flat(_: Path, effort: int, vectors: HalfVectors) -> GpuStructure:
    """Nothing of it is stored: the vectors are the index."""
    return _build_flat(Build(vectors, 1, 0, lambda phase, done: None))


def _no_file(_: Any, path: Path) -> None:
    return None


# -- lists -------------------------------------------------------------------------------------------------------------
def code_bytes(dimension: int) -> int:
    """Bytes of a vector's code: the most that the kernels know and that divide the dimension into equal parts."""
    return next((size for size in _CODE_BYTES if dimension % size == 0 and size <= dimension), 0)


def _ivf_pq_parameters(effort: int, depth: int) -> Any:
    return _lib.SearchParametersIVF(nprobe=effort)


def _build_ivf_pq(build: Build) -> GpuStructure:
    vectors, rows = build.vectors, len(build.vectors)
    size = code_bytes(vectors.dimension)
    if not size:
        raise IndexKindMissing(f"Vectors of {vectors.dimension} components cannot be split for gpu_ivf_pq.")
    config = _lib.GpuIndexIVFPQConfig()
    config.useFloat16LookupTables, config.device = True, 0
    lists = list_count(rows)
    index = _lib.GpuIndexIVFPQ(_resources(), vectors.dimension, lists, size, 8, INNER_PRODUCT, config)
    sample = np.random.default_rng(build.seed).permutation(rows)[: max(_SAMPLE * lists, 20_000)]
    with threads(build.threads):
        build.step("training", 0.0)
        index.train(vectors.read(np.sort(sample)))
    for at in range(0, rows, _STEP):
        index.add(vectors.read(np.arange(at, min(at + _STEP, rows))))
        build.step("filling the lists", min(at + _STEP, rows) / rows)
    return GpuStructure(index, 32, _ivf_pq_parameters, rescored=True)


def _save_ivf_pq(structure: Any, path: Path) -> None:
    _lib.write_index(_lib.index_gpu_to_cpu(structure._index), str(path))


def _load_ivf_pq(path: Path, effort: int, _: HalfVectors) -> GpuStructure:
    options = _lib.GpuClonerOptions()
    options.useFloat16 = True
    index = _lib.index_cpu_to_gpu(_resources(), 0, _read(path), options)
    return GpuStructure(index, effort, _ivf_pq_parameters, rescored=True)


# -- CAGRA -------------------------------------------------------------------------------------------------------------
def _cagra_parameters(effort: int, depth: int) -> Any:
    parameters = _lib.SearchParametersCagra()
    parameters.itopk_size = -(-max(effort, depth) // 32) * 32
    return parameters


def _cagra_config() -> Any:
    config = _lib.GpuIndexCagraConfig()
    config.graph_degree, config.intermediate_graph_degree, config.device = _GRAPH_DEGREE, 2 * _GRAPH_DEGREE, 0
    return config


def _build_cagra(build: Build) -> GpuStructure:
    """The graph is built in one call over all vectors, float32 on the host: memory.plan_memory counts them."""
    vectors = build.vectors
    everything = np.empty((len(vectors), vectors.dimension), dtype=np.float32)
    for at in range(0, len(vectors), _STEP):
        everything[at : at + _STEP] = vectors.read(np.arange(at, min(at + _STEP, len(vectors))))
    build.step("linking", 0.0)
    index = _lib.GpuIndexCagra(_resources(), vectors.dimension, INNER_PRODUCT, _cagra_config())
    index.train(everything)
    build.step("linking", 1.0)
    return GpuStructure(index, 64, _cagra_parameters, rescored=False)


def _save_cagra(structure: Any, path: Path) -> None:
    copy = _lib.IndexHNSWCagra(structure._index.d, _GRAPH_DEGREE // 2, INNER_PRODUCT)
    structure._index.copyTo(copy)
    _lib.write_index(copy, str(path))


def _load_cagra(path: Path, effort: int, vectors: HalfVectors) -> GpuStructure:
    index = _lib.GpuIndexCagra(_resources(), vectors.dimension, INNER_PRODUCT, _cagra_config())
    index.copyFrom(_read(path))
    return GpuStructure(index, effort, _cagra_parameters, rescored=False)
