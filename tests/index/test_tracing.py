"""A search that tells how it came about: the same order as any other, and what led to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from retrieval.contracts import Candidate, PassageHit, SearchRequest, SearchTrace
from retrieval.errors import VersionNotHeld
from retrieval.index.reranking import LOOKED_AT
from retrieval.index.tracing import traced as trace_search
from retrieval.models import Collection, Document
from retrieval.ranking.evidence import Evidence, WordsFound
from retrieval.ranking.question import understood
from retrieval.service.client import AsyncIndexClient
from tests.index.conftest import Service, ids

Publish = Callable[[Collection, str, Sequence[str]], Document]
TEXTS = [
    "Every employee has thirty days of paid vacation.",
    "Holidays that were not taken lapse in March.",
    "The VPN certificate must be renewed each spring.",
    "Visitors park behind the warehouse.",
]


def traced(service: Service, request: SearchRequest, version: int | None = None) -> SearchTrace:
    async def ask() -> SearchTrace:
        client = AsyncIndexClient(service.config)
        try:
            return await client.trace(request, version=version)
        finally:
            await client.close()

    return asyncio.run(ask())


def test_a_trace_is_the_search_with_what_led_to_it(service: Service, collection: Collection, publish: Publish) -> None:
    document = publish(collection, "leave.txt", TEXTS)
    service.caught_up()
    request = SearchRequest("How many days of vacation?", frozenset([collection.pk]), k=3)
    trace, plain = traced(service, request), service.client.search(request)
    assert [one.hit.passage_id for one in trace.hits] == [hit.passage_id for hit in plain]
    assert [one.hit.score for one in trace.hits] == [hit.score for hit in plain]
    assert trace.hits[0].hit.confidence == plain[0].confidence
    assert {one.hit.passage_id for one in trace.hits} <= ids(document) and trace.found == len(TEXTS)
    assert [one.ranked for one in trace.hits] == [1, 2, 3], "without a second look every place is the final one"
    best = max(trace.hits, key=lambda one: one.hit.dense)
    assert best.by_meaning == 1 and trace.hits[0].by_words == 1
    assert all((one.by_words is None) == (one.hit.lexical <= 0) for one in trace.hits)
    assert set(trace.milliseconds) == {"embedding", "finding", "ranking"}
    assert all(spent >= 0 for spent in trace.milliseconds.values())
    assert trace.model == service.config.embedding_model


def test_nothing_readable_gives_an_empty_trace(service: Service, collection: Collection) -> None:
    trace = traced(service, SearchRequest("vacation", frozenset()))
    assert trace.hits == () and trace.found == 0


def test_a_version_that_is_not_held_is_named(service: Service) -> None:
    with pytest.raises(VersionNotHeld, match="4711") as caught:
        traced(service, SearchRequest("vacation", frozenset()), version=4711)
    assert not caught.value.retryable and caught.value.advice


@dataclass
class TwoLists:
    """Stands in for an index of thirty passages: the higher the number, the more similar, and every third has words."""

    candidates: int = 10
    model: str = "of no weights"
    dense_weight: float = 0.5
    asked: list[int] = field(default_factory=list)

    def found(self, request: SearchRequest, query: Any) -> tuple[WordsFound, list[Candidate]]:
        self.asked.append(request.k)
        words = {number: 9.0 - number if number % 3 == 0 else 0.0 for number in range(1, 31)}
        stems = np.array([1], dtype=np.uint32)
        evidence = tuple(Evidence(number, number, score, stems, 0) for number, score in words.items())
        return WordsFound(understood("leave", "en"), (1.0,), evidence), [Candidate(n, n / 30) for n in words]


class Backwards:
    def rerank(self, question: str, hits: Sequence[PassageHit]) -> list[PassageHit]:
        return list(reversed(hits))


def test_places_are_those_of_each_list_and_none_below_its_depth() -> None:
    index = TwoLists(candidates=10)
    trace = trace_search(index, SearchRequest("leave", frozenset(), k=30), np.zeros(1), None)  # type: ignore[arg-type]
    by_passage = {one.hit.passage_id: one for one in trace.hits}
    assert [by_passage[n].by_meaning for n in (30, 29, 1)] == [1, 2, 30], "as many as results are asked for"
    assert [by_passage[n].by_words for n in (3, 6, 9, 4)] == [1, 2, None, None], "no word, no place"
    few = trace_search(index, SearchRequest("leave", frozenset(), k=5), np.zeros(1), None)  # type: ignore[arg-type]
    assert all(one.by_meaning is None or one.by_meaning <= 10 for one in few.hits) and few.found == 30


def test_a_second_look_is_told_apart_from_the_ranking_before_it() -> None:
    index, request = TwoLists(), SearchRequest("leave", frozenset(), k=3)
    plain = trace_search(index, replace(request, k=LOOKED_AT), np.zeros(1), None)  # type: ignore[arg-type]
    trace = trace_search(index, request, np.zeros(1), Backwards())  # type: ignore[arg-type]
    assert index.asked[-1] == LOOKED_AT and len(trace.hits) == 3
    assert [one.ranked for one in trace.hits] == [20, 19, 18]
    assert [one.hit for one in trace.hits] == [one.hit for one in plain.hits][:-4:-1]
    assert "second_look" in trace.milliseconds and "second_look" not in plain.milliseconds
