"""Following the change log while people search."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from django.conf import settings

from retrieval.contracts import SearchRequest, Vectors
from retrieval.index.faiss_index import FlatIndex
from retrieval.index.live import Follower, LiveIndex
from retrieval.index.tantivy_index import TantivyIndex
from retrieval.ingestion import delete_document, record_change
from retrieval.models import Collection, Document, IndexChange
from tests.database import database_url
from tests.index.conftest import store
from tests.waiting import wait_until

DIMENSION = 4


@pytest.fixture
def follower(transactional_db: None) -> Iterator[Follower]:
    index = LiveIndex(
        FlatIndex(DIMENSION),
        TantivyIndex(),
        settings.RETRIEVAL.embedding_model,
        DIMENSION,
        dense_weight=0.5,
        candidates=50,
    )
    thread = Follower(index, database_url())
    thread.start()
    assert thread.loaded.wait(10)
    yield thread
    thread.stopping.set()
    thread.join(10)


def test_a_document_that_is_taken_in_anew_is_found_at_every_moment(follower: Follower, collection: Collection) -> None:
    document = store(collection, "leave.txt", texts(20), vectors(20))
    store(Collection.objects.create(name="Another"), "other.txt", texts(3), vectors(3))
    wait_until(lambda: len(found(follower, collection)) == 20)
    fewest, stop = [20], threading.Event()

    def search() -> None:
        while not stop.is_set():
            fewest.append(len(found(follower, collection)))

    thread = threading.Thread(target=search)
    thread.start()
    for _ in range(150):
        record_change(document.pk, IndexChange.Kind.ADD)
    caught_up(follower)
    stop.set()
    thread.join(10)
    assert len(fewest) > 20 and min(fewest) == 20


def test_documents_that_went_away_and_large_ones_end_as_postgres_has_them(
    follower: Follower, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.index.live._BATCH", 7)
    documents = [store(collection, f"{number}.txt", texts(number + 3), vectors(number + 3)) for number in range(6)]
    caught_up(follower)
    for document in documents:
        record_change(document.pk, IndexChange.Kind.ADD)
    delete_document(document=documents[0], by=None)
    Document.objects.filter(pk=documents[1].pk).update(status=Document.Status.EMBEDDING)
    record_change(documents[1].pk, IndexChange.Kind.ADD)
    caught_up(follower)
    left = documents[2:]
    assert len(found(follower, collection)) == sum(document.passages.count() for document in left)
    assert set(follower.index.passages_of) == {document.pk for document in left}
    assert follower.status().problems == ()


def found(follower: Follower, collection: Collection) -> set[int]:
    request = SearchRequest("leave days", frozenset([collection.pk]), 50)
    return {hit.passage_id for hit in follower.index.search(request, np.ones(DIMENSION, dtype=np.float32))}


def caught_up(follower: Follower) -> None:
    newest = IndexChange.objects.latest("seq").seq
    wait_until(lambda: follower.applied >= newest)


def texts(count: int) -> list[str]:
    return [f"Leave of {number} days." for number in range(count)]


def vectors(count: int) -> Vectors:
    return np.full((count, DIMENSION), 0.5, dtype=np.float32)
