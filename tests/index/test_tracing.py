"""A search that tells how it came about: the same order as any other, and what led to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from retrieval.contracts import SearchRequest, SearchTrace
from retrieval.errors import VersionNotHeld
from retrieval.models import Collection, Document
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
