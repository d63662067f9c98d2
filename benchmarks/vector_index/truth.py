"""What exact search finds, for many questions and scopes in one pass over the vectors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from retrieval.contracts import Candidate, Vectors
from retrieval.index.vectors.halves import HalfVectors

_STEP = 50_000


@dataclass(frozen=True, slots=True)
class Case:
    """One filter; None: no filter."""

    name: str
    rows: npt.NDArray[np.int64] | None


def exact_scores(vectors: HalfVectors, questions: Vectors, cases: list[Case], k: int) -> dict[str, Vectors]:
    """-> by case, (questions, k) scores, best first."""
    best = {case.name: np.full((len(questions), k), -np.inf, np.float32) for case in cases}
    for at in range(0, len(vectors), _STEP):
        end = min(at + _STEP, len(vectors))
        scores = questions @ vectors.read(np.arange(at, end)).T
        for case in cases:
            inside = scores
            if case.rows is not None:
                first, last = np.searchsorted(case.rows, [at, end])
                inside = scores[:, case.rows[first:last] - at]
            both = np.concatenate([best[case.name], inside], axis=1)
            best[case.name] = -np.partition(-both, k - 1, axis=1)[:, :k]
    return {name: -np.sort(-found, axis=1) for name, found in best.items()}


def cached_scores(
    path: Path, vectors: HalfVectors, questions: Vectors, cases: list[Case], k: int
) -> dict[str, Vectors]:
    if not path.exists():
        np.savez(path, **exact_scores(vectors, questions, cases, k))  # type: ignore[arg-type]  # numpy's stubs
    with np.load(path) as held:
        return {case.name: held[case.name] for case in cases}


def recall(found: list[list[Candidate]], best: Vectors) -> float:
    """Equal scores count as found, whichever of them was taken."""
    shares = []
    for one, scores in zip(found, best, strict=True):
        scores = scores[np.isfinite(scores)]
        if len(scores):
            hits = sum(candidate.score >= scores[-1] - 1e-4 for candidate in one[: len(scores)])
            shares.append(hits / len(scores))
    return float(np.mean(shares))
