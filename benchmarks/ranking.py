"""Measures of a ranking against the documents that are known to answer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

MEASURES = ("nDCG@10", "R@1", "R@5", "R@10", "MRR@10")


@dataclass(frozen=True, slots=True)
class Judged:
    """The documents that one question found, best first, and those that it should have found."""

    found: Sequence[str]
    gold: frozenset[str]


def measures(judged: Sequence[Judged]) -> dict[str, float]:
    return {
        "nDCG@10": fmean(ndcg(one, 10) for one in judged),
        "R@1": fmean(_recall(one, 1) for one in judged),
        "R@5": fmean(_recall(one, 5) for one in judged),
        "R@10": fmean(_recall(one, 10) for one in judged),
        "MRR@10": fmean(_reciprocal_rank(one, 10) for one in judged),
    }


def ndcg(one: Judged, depth: int) -> float:
    gain = sum(1 / math.log2(rank + 1) for rank, name in enumerate(one.found[:depth], 1) if name in one.gold)
    return gain / sum(1 / math.log2(rank + 1) for rank in range(1, min(depth, len(one.gold)) + 1))


def _recall(one: Judged, depth: int) -> float:
    return len(one.gold & set(one.found[:depth])) / len(one.gold)


def _reciprocal_rank(one: Judged, depth: int) -> float:
    return next((1 / rank for rank, name in enumerate(one.found[:depth], 1) if name in one.gold), 0.0)
