"""What speaks for each passage that either list found, as numbers that a small network weighs.

All are about one question: a share of its words (by rarity), a place in a list, a similarity. None says what the
documents are about or where they come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval.ranking.documents import Documents
from retrieval.ranking.evidence import Evidence, WordsFound
from retrieval.ranking.occurrences import Floats, Occurrences
from retrieval.ranking.question import Question

OF_PASSAGES = (
    "cosine",
    "cosine below best",
    "words",  # BM25 as a share of what it can reach
    "words of best",
    "covered",
    "covered below best",
    "in headings",
    "neighbours at once",
    "neighbours near",
    "in 12 words",
    "in 24 words",
    "in 48 words",
    "passage beside it",
    "document beside it",
    "passages of document",
    "length",
    "figures",
    "rarest word",
    "rank by meaning",
    "rank by words",
    "cosine of document",
    "cosine below document",
    "words of document",
    "words of document together",
    "covered by document",
    "covered below document",
    "rank of document by meaning",
    "rank of document by words",
)
OF_QUESTIONS = (
    "terms",
    "rarity",
    "best cosine",
    "best words",
    "lead by meaning",
    "lead by words",
    "is a question",
    "best covered",
    "spread of meaning",
    "is latin",
    "agreement",
)
_BM25_REACH = 2.2  # k1 + 1: what a word is worth at most, times its rarity
_TINY = 1e-9


@dataclass(frozen=True, slots=True)
class Features:
    passages: Floats  # (passages, OF_PASSAGES)
    question: Floats  # (OF_QUESTIONS,)


def features(question: Question, found: WordsFound, cosines: Sequence[float]) -> Features:
    """`cosines` in the order of the evidence, of which there is some."""
    evidence = found.evidence
    weights = np.array(found.rarity, dtype=np.float64)
    total = float(weights.sum()) + _TINY
    cosine = np.asarray(cosines, dtype=np.float64)
    lexical = np.array([one.lexical for one in evidence])
    occurrences = Occurrences.find(question, evidence)
    present = occurrences.present()
    covered = weights @ present / total
    words = lexical / (total * _BM25_REACH)
    both = _simply_joined(cosine, lexical)
    columns = [
        cosine,
        cosine - cosine.max(),
        words,
        lexical / (lexical.max() + _TINY),
        covered,
        covered - covered.max(),
        weights @ occurrences.present(occurrences.in_heading) / total,
        *occurrences.pairs(weights, (1, 4)),
        *(one / total for one in occurrences.best_windows(weights, (12, 24, 48))),
        *_beside(evidence, both),
        np.log1p([len(one.stems) for one in evidence]) - 4.5,
        _figures(question, present),
        present[int(weights.argmax())].astype(np.float64) if len(weights) else np.zeros(len(evidence)),
        1 / np.sqrt(1 + _ranks(cosine)),
        1 / np.sqrt(1 + _ranks(lexical)),
        *_of_documents(Documents(evidence), cosine, words, present, weights),
    ]
    return Features(np.stack(columns, axis=1), _of_question(question, weights, cosine, words, covered))


def _of_question(question: Question, weights: Floats, cosine: Floats, words: Floats, covered: Floats) -> Floats:
    by_meaning, by_words = np.sort(cosine)[::-1], np.sort(words)[::-1]
    second, late = min(1, len(cosine) - 1), min(20, len(cosine) - 1)
    common = np.intersect1d(np.argsort(-cosine)[:10], np.argsort(-words)[:10])
    return np.array(
        [
            np.log1p(len(weights)),
            (weights.mean() if len(weights) else 0.0) / 8,
            by_meaning[0],
            by_words[0],
            by_meaning[0] - by_meaning[second],
            by_words[0] - by_words[second],
            float(question.is_question),
            covered.max(),
            by_meaning[0] - by_meaning[late],
            float(question.is_latin),
            len(common) / 10,
        ]
    )


def _simply_joined(cosine: Floats, lexical: Floats) -> Floats:
    spread = cosine.max() - cosine.min() + _TINY
    return np.asarray((cosine - cosine.min()) / spread / 2 + lexical / (lexical.max() + _TINY) / 2)


def _beside(evidence: Sequence[Evidence], both: Floats) -> tuple[Floats, Floats, Floats]:
    """How good the passages next to each are, the best three others of its document, and how many were found of it.

    Passages of a document have consecutive ids.
    """
    score = {one.passage_id: float(value) for one, value in zip(evidence, both, strict=True)}
    document = {one.passage_id: one.document for one in evidence}
    of_document: dict[int, list[float]] = {}
    for one in evidence:
        of_document.setdefault(one.document, []).append(score[one.passage_id])
    best = {name: sum(sorted(values, reverse=True)[1:4]) for name, values in of_document.items()}
    beside = [
        max((score[near] for near in (own - 1, own + 1) if document.get(near) == document[own]), default=0.0)
        for own in score
    ]
    return (
        np.array(beside),
        np.array([best[one.document] for one in evidence]),
        np.log([len(of_document[one.document]) for one in evidence]),
    )


def _of_documents(
    documents: Documents, cosine: Floats, words: Floats, present: npt.NDArray[np.bool_], weights: Floats
) -> tuple[Floats, ...]:
    total = float(weights.sum()) + _TINY
    near, covered = documents.best(cosine), documents.covered(present, weights) / total
    return (
        near,
        near - cosine,
        documents.best(words),
        documents.together(words),
        covered,
        covered - weights @ present / total,
        1 / np.sqrt(1 + documents.places(cosine)),
        1 / np.sqrt(1 + documents.places(words)),
    )


def _figures(question: Question, present: npt.NDArray[np.bool_]) -> Floats:
    """The share of the question's numbers and years that a passage has; 1 where there are none."""
    figures = [at for at, term in enumerate(question.terms) if term.has_figure]
    return present[figures].mean(axis=0) if figures else np.ones(present.shape[1])


def _ranks(scores: Floats) -> npt.NDArray[np.intp]:
    """From 0, the best; equal ones in the order that they came in."""
    ranks = np.empty(len(scores), dtype=np.intp)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(len(scores))
    return ranks
