"""Searches run side by side, and a change comes between two of them, never into one."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID, uuid4

import numpy as np

from retrieval.contracts import Candidate, SearchRequest, Vectors
from retrieval.index.id_set import IdSet
from retrieval.index.live import LiveIndex
from retrieval.index.rows import Row
from retrieval.index.tantivy_index import TantivyIndex
from retrieval.index.vectors.flat import FlatIndex

DIMENSION, PASSAGES = 4, 6
COLLECTION, DOCUMENT, OTHER = uuid4(), uuid4(), uuid4()
QUERY = np.array([1, 0, 0, 0], dtype=np.float32)
REQUEST = SearchRequest("leave", frozenset([COLLECTION]), 20)


class SlowVectors(FlatIndex):
    """Each search waits for what the test says, on its way from the one half of the answer to the other."""

    def __init__(self) -> None:
        super().__init__(DIMENSION)
        self.meet: threading.Barrier | None = None
        self.linger_s = 0.0

    def search(self, query: Vectors, k: int, allowed: IdSet | None) -> list[Candidate]:
        found = super().search(query, k, allowed)
        if self.meet is not None:
            self.meet.wait(10)
        time.sleep(self.linger_s)
        return found


def rows(document: UUID, first: int, word: str, size: int = PASSAGES) -> list[Row]:
    vector = QUERY.astype("<f2").tobytes()
    facts = (COLLECTION, "rules.txt", "", "")
    when = datetime(2025, 1, 1, tzinfo=UTC)
    return [
        Row(first + at, document, *facts, f"{word} number {at}", vector, "text/plain", "", when, None)
        for at in range(size)
    ]


def index_of(vectors: SlowVectors) -> LiveIndex:
    return LiveIndex(vectors, TantivyIndex(), "some/model", DIMENSION, dense_weight=0.5, candidates=20)


def test_two_slow_searches_overlap() -> None:
    vectors = SlowVectors()
    index = index_of(vectors)
    index.add(rows(DOCUMENT, 100, "leave"))
    vectors.meet = threading.Barrier(2)  # the one goes on only when the other has come as far
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: index.search(REQUEST, QUERY), range(2)))
    assert [len(hits) for hits in found] == [PASSAGES, PASSAGES]


def test_no_search_sees_half_a_change() -> None:
    """A document that is replaced again and again, by others of its passages, and one that comes and goes."""
    vectors = SlowVectors()
    vectors.linger_s = 0.002
    index = index_of(vectors)
    index.add(rows(DOCUMENT, 0, "leave"))
    answers: list[list[tuple[int, float, float]]] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            answers.append([(hit.passage_id, hit.dense, hit.lexical) for hit in index.search(REQUEST, QUERY)])

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask) for _ in range(4)]
        for turn in range(1, 120):
            index.replace([DOCUMENT], rows(DOCUMENT, 100 * turn, "leave"))
            if turn % 2:
                index.add(rows(OTHER, 100 * turn + 50, "leave", 2))
            else:
                index.remove([OTHER])
        done.set()
        for one in asking:
            one.result(10)
    assert len(answers) > 100
    for hits in answers:
        assert all(dense > 0.9 and lexical > 0 for _, dense, lexical in hits), "each was found by both halves"
        own = {passage // 100 for passage, _, _ in hits if passage % 100 < 50}
        assert len(own) == 1 and len(hits) in (PASSAGES, PASSAGES + 2), hits
    assert len({hits[0][0] // 100 for hits in answers}) > 20, "changes came through between the searches"


def test_a_change_waits_for_no_more_than_the_searches_that_run() -> None:
    """However many come after it."""
    vectors = SlowVectors()
    vectors.linger_s = 0.03
    index = index_of(vectors)
    index.add(rows(DOCUMENT, 0, "leave"))
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            index.search(REQUEST, QUERY)

    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(ask) for _ in range(8)]
        time.sleep(0.1)
        begun = time.monotonic()
        index.remove([DOCUMENT])
        took = time.monotonic() - begun
        done.set()
        for one in asking:
            one.result(10)
    assert took < 2 and index.search(REQUEST, QUERY) == []
