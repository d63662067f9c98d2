"""Real vectors beside the synthetic ones, in the figures that decide how hard a search is."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np

from benchmarks.vector_index.population import DIMENSION, FITTED_AT, Population
from retrieval.contracts import Vectors

_NEIGHBOURS, _QUERIES = 50, 1000


def calibrate(cached: Path) -> None:
    synthetic = np.concatenate([vectors for _, vectors in Population(FITTED_AT).blocks()])
    for name, vectors in (("real", _real(cached)), ("synthetic", synthetic)):
        if vectors is None:
            print(f"no real vectors in {cached}: run `make bench-retrieval` first")
            continue
        for count in (10_000, 20_000, 40_000):
            print(f"{name:10}", describe(vectors, count))
        print(f"{name:10}", "variance in the first 10, 50, 100, 200 components", _spectrum(vectors))


def _real(cached: Path) -> Vectors | None:
    if not cached.exists():
        return None
    with sqlite3.connect(f"file:{cached}?mode=ro", uri=True) as file:
        held = b"".join(row[0] for row in file.execute("SELECT vector FROM vectors"))
    return np.frombuffer(held, dtype="<f4").reshape(-1, DIMENSION)


def describe(vectors: Vectors, count: int) -> str:
    random = np.random.default_rng(0)
    chosen = random.permutation(len(vectors))[: count + _QUERIES]
    queries, held = vectors[chosen[:_QUERIES]], vectors[chosen[_QUERIES:]]
    scores = queries @ held.T
    nearest = -np.sort(np.partition(-scores, 100, axis=1)[:, :100], axis=1)
    distance = np.sqrt(np.maximum(2 - 2 * nearest[:, :_NEIGHBOURS], 1e-9))
    dimension = -1 / np.mean(np.log(distance[:, :-1] / distance[:, -1:]), axis=1)
    parts = [f"{rank} {_quantiles(nearest[:, rank - 1], 2)}" for rank in (1, 10, 100)]
    return (
        f"of {len(held):,}: similarity at rank {', '.join(parts)}; local dimension {_quantiles(dimension, 1)};"
        f" random pairs {_quantiles(scores[:, 0], 2)}"
    )


def _quantiles(values: Vectors, digits: int) -> str:
    return "/".join(f"{value:.{digits}f}" for value in np.quantile(values, [0.1, 0.5, 0.9]))


def _spectrum(vectors: Vectors) -> str:
    centred = vectors - vectors.mean(axis=0)
    values = np.linalg.eigvalsh(centred.T @ centred)[::-1]
    held = np.cumsum(values) / values.sum()
    return ", ".join(f"{held[at - 1]:.2f}" for at in (10, 50, 100, 200))
