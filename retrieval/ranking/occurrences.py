"""Where a question's words stand in the passages that were found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval.ranking.evidence import Evidence
from retrieval.ranking.question import Question, number_of

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
_GAP = 64  # between passages on the line: more than any window that is looked at
_NEVER = np.iinfo(np.int64).max // 2


@dataclass(frozen=True, slots=True)
class Occurrences:
    """All passages on one line, with gaps between them, so that one search through it serves them all."""

    places: Places  # of every word of the question, ascending
    terms: npt.NDArray[np.intp]  # which one stands there
    passages: npt.NDArray[np.intp]  # in which
    in_heading: npt.NDArray[np.bool_]
    of_term: tuple[Places, ...]
    count: int  # of passages

    @classmethod
    def find(cls, question: Question, evidence: Sequence[Evidence]) -> Occurrences:
        numbers = {number_of(one): at for at, term in enumerate(question.terms) for one in term.stems}
        known = np.array(sorted(numbers), dtype=np.uint32)
        term_of = np.array([numbers[int(number)] for number in known], dtype=np.intp)
        lengths = np.array([len(one.stems) for one in evidence], dtype=np.int64)
        line = np.concatenate([one.stems for one in evidence]) if evidence else np.zeros(0, dtype=np.uint32)
        nearest = np.minimum(np.searchsorted(known, line), max(len(known) - 1, 0))
        hits = np.flatnonzero(known[nearest] == line) if len(known) and len(line) else np.zeros(0, dtype=np.intp)
        ends = np.cumsum(lengths)
        passages = np.searchsorted(ends, hits, side="right")
        within = hits - (ends - lengths)[passages]
        headings = np.array([one.headings for one in evidence], dtype=np.int64)
        places = hits + passages * _GAP
        terms = term_of[nearest[hits]]
        of_term = tuple(places[terms == at] for at in range(len(question.terms)))
        return cls(places, terms, passages, within < headings[passages], of_term, len(evidence))

    def present(self, where: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[np.bool_]:
        """-> (terms, passages)"""
        found = np.zeros((len(self.of_term), self.count), dtype=np.bool_)
        chosen = slice(None) if where is None else where
        found[self.terms[chosen], self.passages[chosen]] = True
        return found

    def best_windows(self, weights: Floats, sizes: Sequence[int]) -> list[Floats]:
        """For each size: of each passage, the most weight that stands within so many words."""
        if not len(self.places):
            return [np.zeros(self.count) for _ in sizes]
        after = np.stack([_next(places, self.places) - self.places for places in self.of_term])
        return [self._most(weights @ (after < size)) for size in sizes]

    def pairs(self, weights: Floats, distances: Sequence[int]) -> list[Floats]:
        """For each distance: the share of the question's neighbours, by weight, that stand so near each other."""
        near = [np.zeros(self.count) for _ in distances]
        total = 1e-9
        for at in range(len(self.of_term) - 1):
            weight = float(weights[at] + weights[at + 1])
            total += weight
            first, second = self.of_term[at], self.of_term[at + 1]
            if not len(first) or not len(second):
                continue
            gap = _next(second, first) - first
            back = first + _next(-second[::-1], -first)  # to the last one before it
            for number, distance in enumerate(distances):
                meets = (gap <= distance) | ((back <= distance) & (distance > 1))
                near[number][np.unique(self._passage_of(first[meets]))] += weight
        return [one / total for one in near]

    def _passage_of(self, places: Places) -> npt.NDArray[np.intp]:
        return self.passages[np.searchsorted(self.places, places)]

    def _most(self, values: Floats) -> Floats:
        most = np.zeros(self.count)
        begins = np.flatnonzero(np.diff(self.passages, prepend=-1))
        most[self.passages[begins]] = np.maximum.reduceat(values, begins)
        return most


def _next(places: Places, of: Places) -> Places:
    """The first of `places` at or after each of `of`."""
    return np.append(places, _NEVER)[np.searchsorted(places, of)]
