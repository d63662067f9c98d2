"""Following the change log while people search."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from retrieval import changes
from retrieval.changes import record_change
from retrieval.contracts import SearchRequest, Vectors
from retrieval.index.follower import Follower
from retrieval.index.live import LiveIndex
from retrieval.index.rows import Row
from retrieval.index.tantivy_index import TantivyIndex
from retrieval.index.vectors.flat import FlatIndex
from retrieval.models import Collection, Document, IndexChange
from retrieval.pipeline.ingestion import delete_document
from tests.database import database_url
from tests.index.conftest import ids, store
from tests.waiting import wait_until

DIMENSION = 4


@pytest.fixture
def follower(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Follower]:
    monkeypatch.setattr(Follower, "POLL_S", 0.05)
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
    fewest = [20]
    with searching(follower, collection, fewest):
        for _ in range(150):
            record_change(document, IndexChange.Kind.ADD)
        caught_up(follower)
    assert len(fewest) >= 3 and min(fewest) == 20


def test_documents_that_went_away_and_large_ones_end_as_postgres_has_them(
    follower: Follower, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.index.rows._BATCH", 7)
    documents = [store(collection, f"{number}.txt", texts(number + 3), vectors(number + 3)) for number in range(6)]
    caught_up(follower)
    for document in documents:
        record_change(document, IndexChange.Kind.ADD)
    delete_document(document=documents[0], by=None)
    Document.objects.filter(pk=documents[1].pk).update(status=Document.Status.EMBEDDING)
    record_change(documents[1], IndexChange.Kind.ADD)
    caught_up(follower)
    left = documents[2:]
    assert len(found(follower, collection)) == sum(document.passages.count() for document in left)
    assert set(follower.index.documents) == {document.pk for document in left}
    assert follower.status().problems == ()


def test_a_date_that_no_program_can_read_holds_up_nobody(follower: Follower, collection: Collection) -> None:
    store(collection, "leave.txt", texts(2), vectors(2))
    odd = store(collection, "odd.epub", texts(2), vectors(2))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE retrieval_document SET dated_at = '20000-01-01' WHERE id = %s", [odd.pk])
    record_change(odd, IndexChange.Kind.ADD)
    later = store(collection, "later.txt", texts(3), vectors(3))
    caught_up(follower)
    assert ids(later) <= found(follower, collection)
    assert len(found(follower, collection)) == 7 and follower.status().problems == ()


def test_a_document_that_cannot_be_taken_in_is_named_and_left_out_until_it_can(
    follower: Follower, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = follower.index._prepared

    def refusing(rows: list[Row]) -> Any:
        if any(row.document_name == "odd.txt" for row in rows):
            raise ValueError("a row that nobody thought of")
        return prepared(rows)

    monkeypatch.setattr(follower.index, "_prepared", refusing)
    documents = [store(collection, f"{number}.txt", texts(2), vectors(2)) for number in range(5)]
    odd = store(collection, "odd.txt", texts(2), vectors(2))
    caught_up(follower)
    assert len(found(follower, collection)) == 10 and str(odd.pk) in follower.status().problems[0]
    follower.applied = 10**9  # all is loaded anew
    record_change(documents[0], IndexChange.Kind.ADD)
    newest = IndexChange.objects.latest("seq").seq
    wait_until(lambda: follower.applied == newest)
    assert len(found(follower, collection)) == 10 and str(odd.pk) in follower.status().problems[0]
    monkeypatch.setattr(follower.index, "_prepared", prepared)
    follower._again_at = 0.0
    wait_until(lambda: len(found(follower, collection)) == 12, 5)
    assert follower.status().problems == ()


def test_a_service_that_was_away_until_its_changes_were_forgotten_loads_everything_anew(
    follower: Follower, collection: Collection
) -> None:
    first = store(collection, "1.txt", texts(3), vectors(3))
    gone = store(collection, "2.txt", texts(4), vectors(4))
    caught_up(follower)
    with away(follower):
        delete_document(document=gone, by=None)
        second = store(collection, "3.txt", texts(5), vectors(5))
        record_change(first, IndexChange.Kind.ADD)
        IndexChange.objects.update(created_at=timezone.now() - timedelta(days=8))
        assert changes.forget_old() > 0
        assert IndexChange.objects.get().document_id == first.pk, "the newest stays"
    wait_until(lambda: found(follower, collection) == ids(first) | ids(second))
    wait_until(lambda: set(follower.index.documents) == {first.pk, second.pk})


def test_a_service_that_is_up_to_date_does_not_load_anew_when_old_changes_go(
    follower: Follower, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(collection, "1.txt", texts(3), vectors(3))
    store(collection, "2.txt", texts(3), vectors(3))
    caught_up(follower)
    monkeypatch.setattr(follower, "_load", None)
    with away(follower):
        IndexChange.objects.update(created_at=timezone.now() - timedelta(days=8))
        changes.forget_old()
        store(collection, "3.txt", texts(3), vectors(3))
    caught_up(follower)
    assert len(found(follower, collection)) == 9 and follower.problem == ""


def test_documents_are_found_while_everything_is_loaded_anew(follower: Follower, collection: Collection) -> None:
    store(collection, "1.txt", texts(20), vectors(20))
    caught_up(follower)
    fewest = [20]
    with searching(follower, collection, fewest):
        for _ in range(20):
            applied, follower.applied = follower.applied, -1
            wait_until(lambda: follower.applied == applied)  # noqa: B023 - called in this round alone
    assert len(fewest) >= 3 and min(fewest) == 20


def test_an_older_state_of_the_database_that_is_restored_under_the_service_is_taken_in(
    follower: Follower, collection: Collection
) -> None:
    kept = store(collection, "1.txt", texts(3), vectors(3))
    store(collection, "2.txt", texts(3), vectors(3))
    caught_up(follower)
    IndexChange.objects.filter(document_id=kept.pk).delete()
    Document.objects.exclude(pk=kept.pk).delete()
    IndexChange.objects.all().delete()
    wait_until(lambda: found(follower, collection) == ids(kept))


@contextmanager
def away(follower: Follower) -> Iterator[None]:
    """As a process that stands still, or whose network is cut: nothing is applied meanwhile."""
    with follower.index.lock.changing():
        yield


@contextmanager
def searching(follower: Follower, collection: Collection, numbers: list[int]) -> Iterator[None]:
    """Somebody searches all the time, and notes how much is found."""
    stop = threading.Event()

    def search() -> None:
        while not stop.is_set():
            numbers.append(len(found(follower, collection)))

    thread = threading.Thread(target=search)
    thread.start()
    yield
    stop.set()
    thread.join(10)


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
