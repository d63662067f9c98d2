"""Rankings of passages out of the two lists of a question. The product's own is one among them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from retrieval.contracts import Candidate
from retrieval.fusion import fuse

Ranking = Callable[[Sequence[Candidate], Sequence[Candidate]], list[int]]
_RRF = 60


def lexical_alone(dense: Sequence[Candidate], lexical: Sequence[Candidate]) -> list[int]:
    return [one.passage_id for one in lexical]


def dense_alone(dense: Sequence[Candidate], lexical: Sequence[Candidate]) -> list[int]:
    return [one.passage_id for one in dense]


def reciprocal_ranks(dense: Sequence[Candidate], lexical: Sequence[Candidate]) -> list[int]:
    """Cormack et al., SIGIR 2009."""
    scores: dict[int, float] = {}
    for found in (dense, lexical):
        for rank, one in enumerate(found, 1):
            scores[one.passage_id] = scores.get(one.passage_id, 0.0) + 1 / (_RRF + rank)
    return sorted(scores, key=lambda passage: (-scores[passage], passage))


def fused(weight: float) -> Ranking:
    """As the index service does it."""

    def rank(dense: Sequence[Candidate], lexical: Sequence[Candidate]) -> list[int]:
        hits = fuse(dense, lexical, dense_weight=weight, k=len(dense) + len(lexical))
        return [hit.passage_id for hit in hits]

    return rank
