"""Documents in and out: each step is one transaction, and the row says how far a document came. What the stages find
out goes through `results`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO, Literal

import structlog
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.utils import timezone

from retrieval import files
from retrieval.changes import record_change, record_changes
from retrieval.errors import RetrievalError
from retrieval.models import Collection, Document, IndexChange
from retrieval.outages import retried
from retrieval.pipeline.waking import wake_after_commit
from retrieval.stored_text import clean_name, storable

log = structlog.get_logger(__name__)

Outcome = Literal["received", "duplicate"]


class FileUnreadable(RetrievalError):
    code, http_status = "unreadable", 422
    user_message = "The file could not be read."
    advice = "Check that it exists and that you may read it."


class CollectionGone(RetrievalError):
    code, http_status = "not_found", 404
    user_message = "This collection was deleted meanwhile."
    advice = "Choose another one."


class NotFailed(RetrievalError):
    code, http_status = "not_failed", 409
    user_message = "Only a document that failed can be tried again."
    advice = "Wait until it is ready, or delete it and upload it again."


class NotReady(RetrievalError):
    code, http_status = "not_ready", 409
    user_message = "Only a document that is ready can be read again."
    advice = "Wait until it is ready; try one that failed again."


@dataclass(frozen=True, slots=True)
class Place:
    collection: Collection
    readers: Sequence[Group] | None = None  # the document's own; None leaves it to whoever reads the collection


@dataclass(frozen=True, slots=True)
class Receipt:
    document: Document
    outcome: Outcome


def receive_document(
    *,
    collection: Collection,
    name: str,
    path: str = "",
    content: BinaryIO,
    by: Any,
    readers: Sequence[Group] | None = None,
) -> Receipt:
    """Store the bytes and owe the work. The same bytes again in a collection are the same document."""
    return receive_where(lambda _: Place(collection, readers), name=name, path=path, content=content, by=by)


def receive_where(where: Callable[[str], Place], *, name: str, path: str, content: BinaryIO, by: Any) -> Receipt:
    """`where`: asked with the SHA-256 of the bytes, when all are here. By nobody: a source brings it."""
    incoming, sha256, size = files.spool(content)
    try:
        with transaction.atomic():
            place = where(sha256)
            collection, readers = place.collection, place.readers
            keep_collection(collection)
            files.lock_file(sha256)
            document, created = Document.objects.get_or_create(
                collection=collection,
                sha256=sha256,
                defaults={
                    "name": clean_name(name),
                    "path": storable(path, 1000),
                    "size": size,
                    "uploaded_by": by,
                    "by_hand": by is not None,
                    "restricted": readers is not None,
                    "queued_at": timezone.now(),
                },
            )
            files.put_in_place(incoming, files.stored_file(sha256))
            if not created and by is not None:
                # What a source brought is that person's as well now, and outlives the source.
                Document.objects.filter(pk=document.pk, by_hand=False).update(uploaded_by=by, by_hand=True)
            if created:
                document.readers.set(readers or ())  # in this transaction: nobody else finds it in between
                wake_after_commit("parse")
            elif document.status == Document.Status.FAILED:
                retry_document(document=document)
                created = True
    finally:
        incoming.unlink(missing_ok=True)
    return Receipt(document, "received" if created else "duplicate")


def retry_document(*, document: Document) -> None:
    """Start again from the stored file."""
    with transaction.atomic():
        held = Document.objects.select_for_update().filter(pk=document.pk, status=Document.Status.FAILED)
        changed = held.update(
            status=Document.Status.RECEIVED,
            error="",
            error_code="",
            attempts=0,
            seconds=0.0,
            lease_token=None,
            lease_until=None,
            queued_at=timezone.now(),
        )
        if not changed:
            raise NotFailed
        document.refresh_from_db()
        wake_after_commit("parse")


@retried
def read_again(*, document: Document) -> None:
    """Parse and embed the stored file anew. Until that is done nobody finds the document."""
    with transaction.atomic():
        held = Document.objects.select_for_update().filter(pk=document.pk, status=Document.Status.READY)
        if not held.update(
            status=Document.Status.RECEIVED,
            attempts=0,
            seconds=0.0,
            lease_token=None,
            lease_until=None,
            queued_at=timezone.now(),
        ):
            raise NotReady
        document.refresh_from_db()
        wake_after_commit("parse")
        record_change(document, IndexChange.Kind.REMOVE)


@retried
def delete_document(*, document: Document, by: Any) -> None:
    """Gone from the collection at once; the file follows when no other document has the same bytes."""
    with transaction.atomic():
        Document.objects.select_for_update().filter(pk=document.pk).first()
        deleted, _ = Document.objects.filter(pk=document.pk).delete()
        if not deleted:
            return
        record_change(document, IndexChange.Kind.REMOVE)
        transaction.on_commit(lambda: files.forget_file(document.sha256))
    log.info("document.deleted", document=str(document.pk), by=str(by.pk) if by else "")


def delete_collection(*, collection: Collection, by: Any) -> None:
    """With every document in it, also those that arrive meanwhile; the index services are told about each."""
    for document in Document.objects.filter(collection=collection).iterator():
        delete_document(document=document, by=by)
    if _delete_with_the_late(collection):
        log.info("collection.deleted", collection=str(collection.pk), by=str(by.pk) if by else "")


@retried
def _delete_with_the_late(collection: Collection) -> bool:
    """-> False: it was deleted meanwhile"""
    with transaction.atomic():
        # Waits for those who hold the row to receive a document; after it none can arrive.
        held = Collection.with_attached.select_for_update().filter(pk=collection.pk).first()
        if held is None:
            return False
        late = list(Document.objects.select_for_update().filter(collection=held).order_by("pk"))
        held.delete()
        if late:
            record_changes(late, IndexChange.Kind.REMOVE)
        for document in late:
            transaction.on_commit(partial(files.forget_file, document.sha256))
    return True


def keep_collection(collection: Collection) -> None:
    """Nobody deletes it until the transaction ends; receivers do not wait for each other.

    Before any document is locked: deleting a collection locks it first, then its documents.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM retrieval_collection WHERE id = %s FOR KEY SHARE", [collection.pk])
        if cursor.fetchone() is None:
            raise CollectionGone
