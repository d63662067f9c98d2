"""Vectors of questions that were asked before: the same as fresh ones, bounded, and counted."""

from __future__ import annotations

import re
import unicodedata

import httpx
import numpy as np
import pytest

from retrieval.contracts import Vectors
from retrieval.index.query_cache import QueryCache
from tests.index.conftest import Service
from tests.index.test_service import _bearer, _http

DIMENSION = 4


class Embedder:
    """Embeds by length, and remembers what it was given."""

    def __init__(self) -> None:
        self.given: list[list[str]] = []

    async def __call__(self, texts: list[str]) -> Vectors:
        self.given.append(texts)
        return np.array([[len(text)] * DIMENSION for text in texts], dtype=np.float32).reshape(-1, DIMENSION)


async def test_a_question_is_embedded_once_and_rows_keep_their_order() -> None:
    embed, cache = Embedder(), QueryCache("m", entries=10)
    await cache.vectors(["leave"], embed)
    rows = await cache.vectors(["a", "leave", "a", "abc"], embed)
    assert rows[:, 0].tolist() == [1, 5, 1, 3] and embed.given == [["leave"], ["a", "abc"]]
    assert (await cache.vectors([], embed)).shape == (0, DIMENSION)


async def test_spellings_of_the_same_letters_are_one_question_and_capitals_are_not() -> None:
    embed, cache = Embedder(), QueryCache("m", entries=10)
    for text in ("Größe ", unicodedata.normalize("NFD", "Größe"), "größe"):
        await cache.vectors([text], embed)
    assert embed.given == [["Größe"], ["größe"]]


async def test_the_least_recently_asked_goes_first() -> None:
    embed, cache = Embedder(), QueryCache("m", entries=2)
    for text in ("a", "bb", "a", "ccc", "a", "bb"):
        await cache.vectors([text], embed)
    assert embed.given == [["a"], ["bb"], ["ccc"], ["bb"]] and len(cache) == 2


async def test_bytes_are_bounded_whatever_was_asked() -> None:
    embed, cache = Embedder(), QueryCache("m", entries=10_000, most_bytes=3200)
    for n in range(200):
        await cache.vectors([f"question {n}"], embed)
        assert cache.bytes <= 3200
    assert len(cache) == 10


async def test_long_texts_pass_by_and_no_entries_mean_off() -> None:
    embed, cache, off = Embedder(), QueryCache("m", entries=10), QueryCache("m", entries=0)
    for one, text in ((cache, "x" * 2001), (off, "short")):
        await one.vectors([text], embed)
        await one.vectors([text], embed)
        assert len(one) == 0
    assert len(embed.given) == 4


async def test_a_change_of_what_was_returned_does_not_reach_the_cache() -> None:
    embed, cache = Embedder(), QueryCache("m", entries=10)
    (await cache.vectors(["a"], embed))[:] = 7
    (await cache.vectors(["a"], embed))[:] = 7
    assert (await cache.vectors(["a"], embed))[0, 0] == 1


def test_the_service_embeds_a_repeated_question_once_and_says_so(service: Service) -> None:
    before = _measured(service)
    first = service.client.embed(["What is new in spring?"], bulk=False)
    again = service.client.embed(["  What is new in spring?\n"], bulk=False)
    np.testing.assert_array_equal(first, again)
    for _ in range(2):
        service.client.embed(["What is new in spring?"], bulk=True)
    after = _measured(service)
    embedded = 'footnote_embedded_texts_total{kind="question"}'
    assert after[embedded] - before.get(embedded, 0) == 1
    for result in ("hit", "miss"):
        name = f'footnote_query_cache_total{{result="{result}"}}'
        assert after[name] - before.get(name, 0) == 1, "bulk work neither uses nor fills it"
    assert after["footnote_query_cache_bytes"] >= 384 * 4 and after["footnote_query_cache_entries"] >= 1


@pytest.mark.parametrize(
    "name",
    [
        "footnote_search_seconds_count",
        'footnote_embed_seconds_count{kind="question"}',
        'footnote_embed_waiting{kind="question"}',
        'footnote_embed_waiting{kind="bulk"}',
        "footnote_index_passages",
        "footnote_index_documents",
        "footnote_index_changes_applied",
        "footnote_index_changes_behind",
    ],
)
def test_what_the_index_service_does_is_measured(service: Service, name: str) -> None:
    service.client.embed(["measured"], bulk=False)
    assert name in _measured(service)


def _measured(service: Service) -> dict[str, float]:
    response: httpx.Response = _http(service).get("/metrics", headers=_bearer(service))
    return {name: float(value) for name, value in re.findall(r"^(\S+) (\S+)$", response.text, re.M)}
