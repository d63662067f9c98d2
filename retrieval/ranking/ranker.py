"""One ranking out of both lists: the best passages first, and how sure it is that any of them answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from retrieval.contracts import Candidate, PassageHit
from retrieval.ranking.diversity import without_repeats_first
from retrieval.ranking.evidence import WordsFound
from retrieval.ranking.features import features
from retrieval.ranking.fusion import fuse
from retrieval.ranking.network import fitted


def rank(found: WordsFound, dense: Sequence[Candidate], *, model: str, dense_weight: float, k: int) -> list[PassageHit]:
    """`found` is of every passage that either list holds, `dense` the similarities to them.

    Equal passages come in the order of their ids. Vectors of a model that the weights know nothing of are joined with
    the words by `dense_weight` alone.
    """
    if not found.evidence:
        return []
    if model not in fitted().embedding_models:
        return fuse(dense, _words_alone(found), dense_weight=dense_weight, k=k)
    cosine = {one.passage_id: one.score for one in dense}
    cosines = [cosine.get(one.passage_id, 0.0) for one in found.evidence]
    seen = features(found.question, found, cosines)
    scores = fitted().scores(seen)
    confidence = fitted().confidence_of(seen, int(scores.argmax()))
    low, high = float(scores.min()), float(scores.max())
    spread = high - low if high > low else 1.0
    order = np.lexsort((np.array([one.passage_id for one in found.evidence]), -scores)).tolist()
    own_words = [one.stems[one.headings :] for one in found.evidence]
    return [
        PassageHit(
            passage_id=found.evidence[at].passage_id,
            score=1.0 if high <= low else (float(scores[at]) - low) / spread,
            dense=cosines[at],
            lexical=found.evidence[at].lexical,
            confidence=confidence,
        )
        for at in without_repeats_first(order, own_words, k)
    ]


def _words_alone(found: WordsFound) -> list[Candidate]:
    scored = [Candidate(one.passage_id, one.lexical) for one in found.evidence if one.lexical > 0]
    return sorted(scored, key=lambda one: (-one.score, one.passage_id))
