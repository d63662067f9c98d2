"""One search as it came about: what each list said of a passage, and how long the steps took."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

from retrieval.contracts import PassageHit, SearchRequest, SearchTrace, TracedHit, Vectors
from retrieval.index.live import LiveIndex
from retrieval.index.reranking import LOOKED_AT, Reranker
from retrieval.ranking.ranker import rank


def traced(index: LiveIndex, request: SearchRequest, query: Vectors, reranker: Reranker | None) -> SearchTrace:
    """What a search of the same request answers, in the same order."""
    ranked_for = request.k if reranker is None else max(request.k, LOOKED_AT)
    depth = max(index.candidates, ranked_for)
    begun = time.monotonic()
    words, dense = index.found(replace(request, k=ranked_for), query)
    found = time.monotonic()
    ranked = rank(words, dense, model=index.model, dense_weight=index.dense_weight, k=ranked_for)
    in_order = time.monotonic()
    hits = ranked if reranker is None else reranker.rerank(request.question, ranked)
    looked = time.monotonic()
    by_meaning = _places(((one.passage_id, one.score) for one in dense), depth)
    by_words = _places(((one.passage_id, one.lexical) for one in words.evidence if one.lexical > 0), depth)
    before = {hit.passage_id: place for place, hit in enumerate(ranked, start=1)}

    def traced_hit(hit: PassageHit) -> TracedHit:
        key = hit.passage_id
        return TracedHit(hit, by_meaning.get(key), by_words.get(key), before[key])

    spent = {"finding": found - begun, "ranking": in_order - found}
    if reranker is not None:
        spent["second_look"] = looked - in_order
    rounded = {step: round(1000 * seconds, 1) for step, seconds in spent.items()}
    return SearchTrace(0, index.model, tuple(map(traced_hit, hits[: request.k])), len(words.evidence), rounded)


def _places(scored: Iterable[tuple[int, float]], depth: int) -> dict[int, int]:
    """Of both lists together the best of one are those that it gave, so no place below `depth` means anything."""
    best = sorted(scored, key=lambda one: (-one[1], one[0]))[:depth]
    return {passage: place for place, (passage, _) in enumerate(best, start=1)}
