"""What speaks for the document that a passage is of: all of its passages that were found, taken together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from retrieval.ranking.evidence import Evidence
from retrieval.ranking.occurrences import Floats


class Documents:
    """Values of passages, in the order of the evidence, joined over the passages of each document."""

    def __init__(self, evidence: Sequence[Evidence]) -> None:
        names, self._of = np.unique([one.document for one in evidence], return_inverse=True)
        self._count = len(names)

    def best(self, values: Floats) -> Floats:
        """The best value of any passage of the same document."""
        return np.asarray(self._best(values)[self._of])

    def together(self, values: Floats) -> Floats:
        return np.asarray(np.bincount(self._of, values, self._count)[self._of])

    def covered(self, present: npt.NDArray[np.bool_], weights: Floats) -> Floats:
        """The weight of the terms that any passage of the same document has; `present` is (terms, passages)."""
        found = np.zeros((len(weights), self._count), dtype=np.bool_)
        terms, passages = np.nonzero(present)
        found[terms, self._of[passages]] = True
        return np.asarray((weights @ found)[self._of])

    def places(self, values: Floats) -> npt.NDArray[np.intp]:
        """The place of each passage's document among all, by its best passage: from 0."""
        places = np.empty(self._count, dtype=np.intp)
        places[np.argsort(-self._best(values), kind="stable")] = np.arange(self._count)
        return np.asarray(places[self._of])

    def _best(self, values: Floats) -> Floats:
        best = np.full(self._count, -np.inf)
        np.maximum.at(best, self._of, values)
        return best
