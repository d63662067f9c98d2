"""An index of each kind that this machine can run, filled through the same door."""

from __future__ import annotations

import atexit
import logging
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from retrieval.contracts import Vectors
from retrieval.index.id_set import Ids
from retrieval.index.vectors.building import build_index
from retrieval.index.vectors.gpu import device_count, has_cagra
from retrieval.index.vectors.making import MutableIndex, make_index

DIMENSION = 32
Filled = Callable[[Ids, Vectors], MutableIndex]

_no_gpu = pytest.mark.skipif(not device_count(), reason="no GPU that faiss can use")
_no_cagra = pytest.mark.skipif(not has_cagra(), reason="the installed faiss has no CAGRA")
KINDS = [
    "delta",  # everything was added, nothing is built
    "flat",
    "ivf",
    "hnsw",
    "half",  # one half built, one added
    pytest.param("gpu_flat", marks=[pytest.mark.gpu, _no_gpu]),
    pytest.param("gpu_ivf_pq", marks=[pytest.mark.gpu, _no_gpu]),
    pytest.param("gpu_cagra", marks=[pytest.mark.gpu, _no_gpu, _no_cagra]),
    "milvus",
]
ANN = {"ivf", "hnsw", "gpu_ivf_pq", "gpu_cagra"}  # may miss a little


@cache
def milvus_file() -> str:
    """One for all tests: each file is served by a process-wide server of its own."""
    lite = pytest.importorskip("milvus_lite.server_manager")
    logging.getLogger("milvus_lite").setLevel(logging.ERROR)  # it logs at exit, when pytest closed the stream
    folder = tempfile.mkdtemp(prefix="fn-milvus-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    assert lite is not None
    return str(Path(folder) / "milvus.db")


def filled(kind: str, folder: Path, ids: Ids, vectors: Vectors) -> MutableIndex:
    if kind == "milvus":
        index = make_index("milvus", DIMENSION, milvus_url=milvus_file(), name=uuid4().hex)
        index.add(ids, vectors)
        return index
    if kind == "delta":
        index = make_index("flat", DIMENSION)
        index.add(ids, vectors)
        return index
    built = len(ids) // 2 if kind == "half" else len(ids)
    structure = "ivf" if kind == "half" else kind
    build_index(structure, folder, DIMENSION, lambda: [(ids[:built], vectors[:built])])
    index = make_index(structure, DIMENSION, folder=folder)
    index.add(ids[built:], vectors[built:])
    return index


def unit(count: int, seed: int, topics: int = 20) -> Vectors:
    """Vectors around a few topics."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((topics, DIMENSION))
    made = centres[random.integers(0, topics, count)] + 0.6 * random.standard_normal((count, DIMENSION))
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made.astype(np.float16).astype(np.float32)


def best_of(ids: Ids, vectors: Vectors, query: Vectors, k: int, allowed: set[int] | None) -> dict[int, float]:
    """By comparing with everything."""
    scores = vectors @ query
    order = [int(row) for row in np.argsort(-scores) if allowed is None or int(ids[row]) in allowed]
    return {int(ids[row]): float(scores[row]) for row in order[:k]}
