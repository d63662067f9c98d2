"""BM25 of passages that were found, with how rare words are among what the asker may find.

Stephen Robertson and Hugo Zaragoza, The Probabilistic Relevance Framework, 2009; k1 and b as the word index has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import numpy as np

from retrieval.ranking.evidence import Evidence
from retrieval.ranking.occurrences import Floats, Occurrences
from retrieval.ranking.question import Question

_K1, _B = 1.2, 0.75


def rarity(having: float, passages: int) -> float:
    """The inverse document frequency of a word that so many of the passages have."""
    return log(1 + (max(passages - having, 0) + 0.5) / (having + 0.5))


def bm25(question: Question, rarities: Sequence[float], evidence: Sequence[Evidence]) -> Floats:
    """-> a score for each passage. How long passages are is judged among these alone."""
    if not question.terms or not evidence:
        return np.zeros(len(evidence))
    occurrences = Occurrences.find(question, evidence)
    often = np.zeros((len(question.terms), len(evidence)))
    np.add.at(often, (occurrences.terms, occurrences.passages), 1)
    lengths = np.array([len(one.stems) for one in evidence], dtype=np.float64)
    norm = _K1 * (1 - _B + _B * lengths / max(float(lengths.mean()), 1.0))
    return np.asarray(np.array(rarities) @ (often * (_K1 + 1) / (often + norm)))
