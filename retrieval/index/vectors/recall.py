"""How much of what exact search finds an index finds too."""

from __future__ import annotations

from statistics import fmean
from typing import Protocol

import numpy as np

from retrieval.contracts import Candidate, Vectors
from retrieval.index.id_set import IdSet
from retrieval.index.vectors.halves import HalfVectors
from retrieval.index.vectors.library import threads


class Checked(Protocol):
    """An index that can also be searched exactly."""

    def search(self, query: Vectors, k: int, allowed: IdSet | None) -> list[Candidate]: ...
    def exact(self, query: Vectors, k: int, allowed: IdSet | None) -> list[Candidate]: ...


def recall_against_exact(index: Checked, queries: Vectors, k: int = 10, allowed: IdSet | None = None) -> float:
    """The mean share of the k best that `index` finds. A result as good as the last of the k best counts: among equal
    scores (the same text in two documents) any choice is right."""
    shares = []
    for query in np.ascontiguousarray(queries, dtype=np.float32):
        best = index.exact(query, k, allowed)
        if not best:
            continue
        found = index.search(query, k, allowed)
        least = best[-1].score - 1e-5
        shares.append(min(sum(one.score >= least for one in found), len(best)) / len(best))
    return fmean(shares) if shares else 1.0


def recall_of_stored(index: Checked, vectors: HalfVectors, *, queries: int = 100, k: int = 10, seed: int = 0) -> float:
    """With vectors of the index, bent a little, as queries."""
    random = np.random.default_rng(seed)
    rows = np.sort(random.choice(len(vectors), size=min(queries, len(vectors)), replace=False))
    with threads(1):
        asked = vectors.read(rows)
    asked += random.standard_normal(asked.shape, dtype=np.float32) * (0.5 / np.sqrt(asked.shape[1]))
    asked /= np.maximum(np.linalg.norm(asked, axis=1, keepdims=True), 1e-9)
    return recall_against_exact(index, asked, k)
