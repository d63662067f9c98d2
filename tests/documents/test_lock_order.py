"""Who changes readers and who deletes collections meets workers that make documents ready: nobody's change is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, connections, transaction

from retrieval import changes, outages
from retrieval.changes import record_change
from retrieval.models import Collection, Document, IndexChange
from retrieval.pipeline import ingestion
from retrieval.sources import leases
from retrieval.sources.models import Source, SourceItem
from retrieval.sources.retiring import remove_with_documents
from tests.documents.conftest import MakeDocument
from tests.documents.test_api import client_of
from tests.waiting import wait_until


@pytest.fixture
def owner(people: dict[str, Any], configured: Any) -> Any:
    return client_of(people, "administrator")


@contextmanager
def meanwhile(body: Callable[[], None]) -> Iterator[None]:
    """In a transaction of another thread; it raises here what it raised there."""
    faults: list[Exception] = []

    def run() -> None:
        try:
            with transaction.atomic():
                body()
        except Exception as error:  # noqa: BLE001 - raised below
            faults.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    yield
    thread.join(20)
    assert not faults and not thread.is_alive(), faults


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize("changed", [{"restricted": True, "readers": ["owners"]}, {"collection": None}])
def test_readers_change_while_a_worker_under_the_index_lock_checks_the_collection(
    owner: Any,
    make_document: MakeDocument,
    private: Collection,
    changed: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outages, "_TRIES", 1)
    document = make_document("salaries.md", "Alice earns most.")
    if "collection" in changed:
        changed = {"collection": str(Collection.objects.create(name="Elsewhere").pk)}
    locked = threading.Event()

    def worker() -> None:
        sql("SELECT pg_advisory_xact_lock(%s)", changes._INDEX_LOCK)
        locked.set()
        wait_until(somebody_waits, 10)
        sql("SELECT 1 FROM retrieval_collection WHERE id = %s FOR KEY SHARE", private.pk)

    with meanwhile(worker):
        assert locked.wait(10)
        answer = owner.patch(f"/api/documents/{document.pk}/", changed, content_type="application/json")
        assert answer.status_code == 200, answer.content
    document.refresh_from_db()
    assert document.restricted or str(document.collection_id) == changed["collection"]


def test_what_a_transaction_must_still_check_is_checked_before_the_index_lock(
    people: dict[str, Any], private: Collection
) -> None:
    locked = threading.Event()

    def deleter() -> None:
        sql("SELECT 1 FROM retrieval_collection WHERE id = %s FOR UPDATE", private.pk)
        locked.set()
        wait_until(somebody_waits, 10)
        sql("SELECT pg_advisory_xact_lock(%s)", changes._INDEX_LOCK)

    with meanwhile(deleter):
        assert locked.wait(10)
        with transaction.atomic():
            document = Document.objects.create(collection=private, name="x", sha256="0" * 64, size=1)
            record_change(document, IndexChange.Kind.ADD)
    assert Document.objects.filter(pk=document.pk).exists()


def test_a_source_takes_a_document_and_its_next_version_away_while_its_readers_change(
    make_document: MakeDocument, private: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outages, "_TRIES", 1)
    old, new = make_document("leave.md", "Thirty days.", by_hand=False), make_document("leave.md", "31.", by_hand=False)
    source = Source.objects.create(name="Share", collection=private, kind="folder", state=Source.State.REMOVING)
    SourceItem.objects.create(source=source, key="leave.md", key_hash="0" * 64, document=old, incoming=new)
    lease = leases.claim(source.pk)
    locked = threading.Event()

    def changing() -> None:
        sql("SELECT 1 FROM retrieval_document WHERE id = %s FOR UPDATE", new.pk)
        locked.set()
        wait_until(somebody_waits, 10)
        sql("SELECT pg_advisory_xact_lock(%s)", changes._INDEX_LOCK)

    with meanwhile(changing):
        assert locked.wait(10) and lease is not None
        remove_with_documents(lease, lambda: None)
    assert not Document.objects.exists() and not Source.objects.exists()


@pytest.mark.parametrize(("collisions", "status"), [(1, 204), (4, 204), (99, 503)])
def test_deleting_a_collection_is_tried_again_when_it_collides_and_says_so_when_it_keeps_colliding(
    owner: Any,
    private: Collection,
    make_document: MakeDocument,
    monkeypatch: pytest.MonkeyPatch,
    collisions: int,
    status: int,
) -> None:
    make_document("leave.md", "Thirty days.")
    left = [collisions]

    def record(document: Document, kind: IndexChange.Kind) -> None:
        if left[0]:
            left[0] -= 1
            sql("DO $$ BEGIN RAISE EXCEPTION 'a deadlock' USING ERRCODE = '40P01'; END $$")
        record_change(document, kind)

    monkeypatch.setattr(ingestion, "record_change", record)
    monkeypatch.setattr(outages, "_PAUSE_S", 0.001)
    answer = owner.delete(f"/api/collections/{private.pk}/", HTTP_ACCEPT="application/json")
    assert answer.status_code == status
    assert Collection.objects.exists() == Document.objects.exists() == (status == 503)
    if status == 503:
        assert answer.json()["error"]["code"] == "collided" and answer.json()["error"]["retryable"]
