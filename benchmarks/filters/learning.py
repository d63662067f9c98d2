"""What each head learns from, and how it is fitted: logistic regression on letters, with the meaning beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from benchmarks.filters.sets import Row
from chatapp.safety.hidden.plain import plain
from chatapp.safety.learned.letters import BUCKETS, features
from chatapp.safety.learned.windows import windows
from retrieval.contracts import Vectors

Numbers = npt.NDArray[np.float64]
Embed = Callable[[Sequence[str]], Vectors]


@dataclass(frozen=True, slots=True)
class Lot:
    """Rows that count together as `weight`, however many there are."""

    rows: list[Row]
    positive: bool
    weight: float = 1.0
    cut: Callable[[str], list[str]] = windows


@dataclass(frozen=True, slots=True)
class Pieces:
    """The windows of rows. `of`: of which row each is."""

    texts: list[str]
    of: npt.NDArray[np.int64]
    folds: npt.NDArray[np.int64]

    def best(self, scores: Numbers) -> Numbers:
        """Of each row, the score of its strongest window."""
        out = np.full(len(self.folds), -np.inf)
        np.maximum.at(out, self.of, scores)
        return out


def pieces(rows: Sequence[Row], cut: Callable[[str], list[str]] = windows) -> Pieces:
    cuts = [cut(plain(row.text).text) or [" "] for row in rows]
    of = np.repeat(np.arange(len(rows)), [len(one) for one in cuts])
    return Pieces([text for one in cuts for text in one], of, np.array([row.fold for row in rows], np.int64))


@dataclass(frozen=True, slots=True)
class Fitted:
    meaning: Numbers  # empty: letters alone
    letters: Numbers
    bias: float

    def scores(self, matrix: sparse.csr_matrix) -> Numbers:
        return np.asarray(matrix @ np.concatenate([self.letters, self.meaning]) + self.bias)


class Matrices:
    """Features of texts; those of a text are made once."""

    def __init__(self, embed: Embed) -> None:
        self._embed = embed

    def of(self, texts: Sequence[str], *, meaning: bool) -> sparse.csr_matrix:
        rows = [features(text) for text in texts]
        lengths = np.cumsum([0, *(len(found) for found, _ in rows)])
        columns, values = (np.concatenate(one) for one in zip(*rows, strict=True))
        letters = sparse.csr_matrix((values, columns, lengths), shape=(len(texts), BUCKETS))
        if not meaning:
            return letters
        return sparse.hstack([letters, sparse.csr_matrix(self._embed(texts))], format="csr")


def fit(matrix: sparse.csr_matrix, positive: npt.NDArray[np.bool_], weights: Numbers, strength: float) -> Fitted:
    """`matrix`: letters, and the meaning behind them where it has more columns."""
    model = LogisticRegression(C=strength, max_iter=300, tol=1e-3)
    model.fit(matrix, positive, sample_weight=weights)
    found = model.coef_[0]
    return Fitted(found[BUCKETS:], found[:BUCKETS], float(model.intercept_[0]))
