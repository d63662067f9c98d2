"""From a stream of bytes to searchable passages: each step is one transaction, and the row says how far it came."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Literal

import structlog
from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from retrieval import files
from retrieval.changes import record_change
from retrieval.contracts import Chunk, ParsedDocument, Vectors
from retrieval.errors import RetrievalError
from retrieval.leases import Lease, lock_for_result
from retrieval.models import Collection, Document, IndexChange, Passage, PassageVector

log = structlog.get_logger(__name__)

ROWS_A_STATEMENT = 500

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


@dataclass(frozen=True, slots=True)
class Receipt:
    document: Document
    outcome: Outcome


# -- in and out --------------------------------------------------------------------------------------------------------
def receive_document(*, collection: Collection, name: str, path: str = "", content: BinaryIO, by: Any) -> Receipt:
    """Store the bytes and owe the work. The same bytes again in a collection are the same document."""
    incoming, sha256, size = files.spool(content)
    try:
        with transaction.atomic():
            _keep_collection(collection)
            files.lock_file(sha256)
            document, created = Document.objects.get_or_create(
                collection=collection,
                sha256=sha256,
                defaults={
                    "name": clean_name(name),
                    "path": storable(path, 1000),
                    "size": size,
                    "uploaded_by": by,
                    "queued_at": timezone.now(),
                },
            )
            files.put_in_place(incoming, files.stored_file(sha256))
            if created:
                _publish_after_commit(document)
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
        _publish_after_commit(document)


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
    with transaction.atomic():
        # Waits for those who hold the row to receive a document; after it none can arrive.
        held = Collection.objects.select_for_update().filter(pk=collection.pk).first()
        if held is None:
            return
        late = list(Document.objects.select_for_update().filter(collection=held).order_by("pk"))
        held.delete()
        for document in late:
            record_change(document, IndexChange.Kind.REMOVE)
            transaction.on_commit(partial(files.forget_file, document.sha256))
    log.info("collection.deleted", collection=str(collection.pk), by=str(by.pk) if by else "")


def _keep_collection(collection: Collection) -> None:
    """Nobody deletes it until the transaction ends; receivers do not wait for each other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM retrieval_collection WHERE id = %s FOR KEY SHARE", [collection.pk])
        if cursor.fetchone() is None:
            raise CollectionGone


# -- results, each in one fenced transaction ------------------------------------------------------------------------
def store_parsed(
    lease: Lease, media_type: str, parsed: ParsedDocument, chunks: Sequence[Chunk], seconds: float
) -> Document:
    """Replace the passages and move on to embedding."""
    with transaction.atomic():
        document = lock_for_result(lease)
        Passage.objects.filter(document=document).delete()
        Passage.objects.bulk_create(
            [_passage(document, ordinal, chunk) for ordinal, chunk in enumerate(chunks)], batch_size=ROWS_A_STATEMENT
        )
        document.title = storable(parsed.title, 500)
        document.media_type = storable(media_type, 100)
        document.pages = parsed.pages
        document.warnings = [storable(warning, 500) for warning in parsed.warnings[:50]]
        document.passage_count = len(chunks)
        document.status = Document.Status.EMBEDDING
        _finish(document, seconds)
        publish_embedding_after_commit(document)
    return document


def passages_without_vectors(document: Document, model: str) -> QuerySet[Passage]:
    """In their order: what is still to be embedded."""
    return Passage.objects.filter(document=document).exclude(vectors__model=model).order_by("ordinal")


def store_vectors(lease: Lease, passage_ids: Sequence[int], vectors: Vectors, model: str, seconds: float) -> None:
    """One batch. It stays whatever happens next, so the attempts that may fail are counted anew.

    Attempts stay bounded all the same: there are as many batches as the document has.
    """
    rows = vectors.astype("<f2")
    with transaction.atomic():
        document = lock_for_result(lease)
        PassageVector.objects.bulk_create(
            [
                PassageVector(passage_id=passage_id, model=model, vector=row.tobytes())
                for passage_id, row in zip(passage_ids, rows, strict=True)
            ],
            batch_size=ROWS_A_STATEMENT,
        )
        Document.objects.filter(pk=document.pk).update(attempts=0, seconds=F("seconds") + seconds)


def store_embedded(lease: Lease, model: str) -> Document:
    """Every passage has its vector: `ready`, and the word to the index services, together."""
    with transaction.atomic():
        document = lock_for_result(lease)
        PassageVector.objects.filter(passage__document=document).exclude(model=model).delete()
        document.status = Document.Status.READY
        document.ready_at = timezone.now()
        _finish(document, 0.0)
        record_change(document, IndexChange.Kind.ADD)
    return document


def store_failure(lease: Lease, code: str, sentence: str, seconds: float) -> None:
    """End as failed; passages of an unfinished attempt do not stay behind."""
    with transaction.atomic():
        document = lock_for_result(lease)
        Passage.objects.filter(document=document).delete()
        document.passage_count = 0
        document.status = Document.Status.FAILED
        document.error_code = code[:40]
        document.error = storable(sentence, 500) or "This file could not be read."
        _finish(document, seconds)


def reembed_document(document: Document) -> None:
    """Back to the embedding stage; its passages stay as they are."""
    with transaction.atomic():
        ready = Document.objects.filter(pk=document.pk, status=Document.Status.READY)
        if ready.update(status=Document.Status.EMBEDDING, attempts=0, lease_until=None, queued_at=timezone.now()):
            publish_embedding_after_commit(document)


def _finish(document: Document, seconds: float) -> None:
    document.seconds += seconds
    document.attempts = 0
    document.lease_token = None
    document.lease_until = None
    document.queued_at = timezone.now()
    document.save()


def _passage(document: Document, ordinal: int, chunk: Chunk) -> Passage:
    return Passage(
        document=document,
        ordinal=ordinal,
        text=storable(chunk.text),
        heading=storable(chunk.heading, 1000),
        page=chunk.page,
        locator=storable(chunk.locator, 200),
    )


def _publish_after_commit(document: Document) -> None:
    from retrieval import tasks

    document_id = str(document.pk)
    transaction.on_commit(lambda: tasks.publish(tasks.parse_document, document_id))


def publish_embedding_after_commit(document: Document) -> None:
    from retrieval import tasks

    document_id = str(document.pk)
    transaction.on_commit(lambda: tasks.publish(tasks.embed_document, document_id))


# -- text that Postgres and people can take ----------------------------------------------------------------------------
def storable(text: str, most: int | None = None) -> str:
    """Without zero bytes and broken surrogates, which Postgres refuses."""
    clean = text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
    return clean[:most]


def clean_name(name: str) -> str:
    """The last part of a file name from anywhere: no folders, no control characters, at most 255 characters."""
    last = storable(name).replace("\\", "/").rstrip("/").rpartition("/")[2]
    visible = "".join(char for char in last if unicodedata.category(char) not in ("Cc", "Cf"))
    visible = unicodedata.normalize("NFC", visible).strip()
    if visible.strip(".") == "":
        return "unnamed"
    if len(visible) <= 255:
        return visible
    suffix = PurePosixPath(visible).suffix[:20]
    return visible[: 255 - len(suffix)] + suffix
