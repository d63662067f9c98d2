"""Rankings of documents, measured as the product does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from retrieval.evaluation import measures as of_ranks

MEASURES = ("nDCG@10", "R@1", "R@5", "R@10", "MRR@10")


@dataclass(frozen=True, slots=True)
class Judged:
    """The documents that one question found, best first, and those that it should have found."""

    found: Sequence[str]
    gold: frozenset[str]

    @property
    def ranks(self) -> list[int | None]:
        places = {name: rank for rank, name in reversed(list(enumerate(self.found, 1)))}
        return [places.get(name) for name in self.gold]


def measures(judged: Sequence[Judged]) -> dict[str, float]:
    return {
        "nDCG@10": fmean(ndcg(one, 10) for one in judged),
        "R@1": fmean(of_ranks.recall(one.ranks, 1) for one in judged),
        "R@5": fmean(of_ranks.recall(one.ranks, 5) for one in judged),
        "R@10": fmean(of_ranks.recall(one.ranks, 10) for one in judged),
        "MRR@10": fmean(of_ranks.reciprocal_rank(one.ranks, 10) for one in judged),
    }


def ndcg(one: Judged, depth: int) -> float:
    return of_ranks.ndcg(one.ranks, depth)
