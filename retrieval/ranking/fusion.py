"""One ranking from the dense and the lexical one: a convex combination of min-max normalised scores.

Measured on four question sets it is first or close to first on each, where reciprocal rank fusion loses up to three
points of nDCG. See Bruch et al., "An Analysis of Fusion Functions for Hybrid Retrieval", 2023 (arXiv 2210.11934).
"""

from __future__ import annotations

from collections.abc import Sequence

from retrieval.contracts import Candidate, PassageHit


def fuse(dense: Sequence[Candidate], lexical: Sequence[Candidate], *, dense_weight: float, k: int) -> list[PassageHit]:
    """Best first; a passage missing from one list takes that list's lowest score."""
    of_dense, of_lexical = _normalised(dense), _normalised(lexical)
    cosine = {c.passage_id: c.score for c in dense}
    bm25 = {c.passage_id: c.score for c in lexical}
    hits = [
        PassageHit(
            passage_id=passage,
            score=dense_weight * of_dense.get(passage, 0.0) + (1 - dense_weight) * of_lexical.get(passage, 0.0),
            dense=cosine.get(passage, 0.0),
            lexical=bm25.get(passage, 0.0),
        )
        for passage in of_dense.keys() | of_lexical.keys()
    ]
    return sorted(hits, key=lambda hit: (-hit.score, hit.passage_id))[:k]


def _normalised(candidates: Sequence[Candidate]) -> dict[int, float]:
    if not candidates:
        return {}
    scores = [c.score for c in candidates]
    low, high = min(scores), max(scores)
    spread = high - low
    return {c.passage_id: (c.score - low) / spread if spread > 0 else 1.0 for c in candidates}
