"""What a ranking is worth to one question, from the rank at which each thing that answers it was first found.

Recall, precision and the like as in Manning, Raghavan and Schütze, Introduction to Information Retrieval (2008);
nDCG by Järvelin and Kekäläinen (2002) with gains of 0 and 1; the reciprocal rank by Voorhees (1999).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Ranks = Sequence[int | None]  # 1 is the best; None: not found. At least one


def recall(ranks: Ranks, depth: int) -> float:
    """The share of what answers that stands in the first `depth` results."""
    return sum(rank is not None and rank <= depth for rank in ranks) / len(ranks)


def hit(ranks: Ranks, depth: int) -> float:
    """1 when anything that answers stands in the first `depth` results."""
    return float(any(rank is not None and rank <= depth for rank in ranks))


def reciprocal_rank(ranks: Ranks, depth: int) -> float:
    best = min((rank for rank in ranks if rank is not None and rank <= depth), default=None)
    return 1 / best if best else 0.0


def ndcg(ranks: Ranks, depth: int) -> float:
    """Against the ranking that shows all that answers first, one thing at each rank."""
    gain = sum(_gain(rank) for rank in ranks if rank is not None and rank <= depth)
    return min(1.0, gain / sum(_gain(rank) for rank in range(1, min(depth, len(ranks)) + 1)))


def nothing(ranks: Ranks) -> float:
    """1 when none of the results that were asked for answers."""
    return float(all(rank is None for rank in ranks))


def _gain(rank: int) -> float:
    return 1 / math.log2(rank + 1)


MAIN = "nDCG@10"
MEASURES: dict[str, Callable[[Ranks], float]] = {
    MAIN: lambda ranks: ndcg(ranks, 10),
    "MRR@10": lambda ranks: reciprocal_rank(ranks, 10),
    "recall@1": lambda ranks: recall(ranks, 1),
    "recall@5": lambda ranks: recall(ranks, 5),
    "recall@10": lambda ranks: recall(ranks, 10),
    "recall@20": lambda ranks: recall(ranks, 20),
    "hit@1": lambda ranks: hit(ranks, 1),
    "hit@5": lambda ranks: hit(ranks, 5),
    "hit@10": lambda ranks: hit(ranks, 10),
    "nothing found": nothing,
}
FEWER_IS_BETTER = frozenset({"nothing found"})
