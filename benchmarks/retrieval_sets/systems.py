"""Rankings of passages out of what the index found for a question. The product's own is one among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.retrieval_sets.candidates import DEPTH, Answered
from retrieval.contracts import Candidate
from retrieval.ranking.diversity import without_repeats_first
from retrieval.ranking.features import Features
from retrieval.ranking.fusion import fuse
from retrieval.ranking.network import Network

Ranking = Callable[[Answered], list[int]]
_RRF = 60
_SHOWN = 40  # enough that ten documents are among them


def lexical_alone(found: Answered) -> list[int]:
    return [one.passage_id for one in _lexical(found)]


def dense_alone(found: Answered) -> list[int]:
    return [one.passage_id for one in _best(found.dense)]


def reciprocal_ranks(found: Answered) -> list[int]:
    """Cormack et al., SIGIR 2009."""
    scores: dict[int, float] = {}
    for one_list in (_best(found.dense), _lexical(found)):
        for rank, one in enumerate(one_list[:DEPTH], 1):
            scores[one.passage_id] = scores.get(one.passage_id, 0.0) + 1 / (_RRF + rank)
    return sorted(scores, key=lambda passage: (-scores[passage], passage))


def convex(weight: float) -> Ranking:
    """Min-max normalised scores, joined by a fixed weight of the dense list."""

    def rank(found: Answered) -> list[int]:
        dense, lexical = _best(found.dense)[:DEPTH], _lexical(found)[:DEPTH]
        return [hit.passage_id for hit in fuse(dense, lexical, dense_weight=weight, k=2 * DEPTH)]

    return rank


def weighed(found: Answered, seen: Features, network: Network) -> list[int]:
    """As the index service does it; evidence is in the order of the passages' ids."""
    evidence = found.words.evidence
    order = np.argsort(-network.scores(seen), kind="stable").tolist()
    own_words = [one.stems[one.headings :] for one in evidence]
    return [evidence[at].passage_id for at in without_repeats_first(order, own_words, _SHOWN)]


def cosines(found: Answered) -> list[float]:
    """In the order of the evidence."""
    by_passage = {one.passage_id: one.score for one in found.dense}
    return [by_passage[one.passage_id] for one in found.words.evidence]


def _lexical(found: Answered) -> list[Candidate]:
    return _best([Candidate(one.passage_id, one.lexical) for one in found.words.evidence if one.lexical > 0])


def _best(candidates: Sequence[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda one: (-one.score, one.passage_id))
