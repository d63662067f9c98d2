"""What the lexical index knows of passages that were found, for a question."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval.ranking.question import Question


@dataclass(frozen=True, slots=True)
class Evidence:
    passage_id: int
    document: int  # the same for passages of one document
    lexical: float  # BM25; 0.0 without a word of the question
    stems: npt.NDArray[np.uint32]  # of all its words in their order, those of its headings first
    headings: int  # how many of them


@dataclass(frozen=True, slots=True)
class WordsFound:
    question: Question
    rarity: tuple[float, ...]  # of each of its terms: the inverse document frequency
    evidence: tuple[Evidence, ...]  # by passage id
