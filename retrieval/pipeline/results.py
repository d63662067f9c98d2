"""What a stage found out about a document, each in one fenced transaction."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection as Several
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Case, FloatField, When
from django.utils import timezone

from retrieval.changes import record_changes
from retrieval.contracts import Chunk, ParsedDocument, Vectors
from retrieval.dates import storable_moment
from retrieval.models import Document, IndexChange, Passage, PassageVector
from retrieval.outages import retried
from retrieval.pipeline.leases import Lease, lock_for_result, lock_for_results
from retrieval.pipeline.waking import wake_after_commit
from retrieval.stored_text import storable
from retrieval.throughput.counting import tally
from retrieval.versions.members import leave_places, take_places
from retrieval.versions.models import IndexVersion

_COPY_PASSAGES = """
COPY retrieval_passage (document_id, ordinal, text, heading, page, locator, boxes, cut) FROM STDIN
"""
_INSERT_VECTORS = """
INSERT INTO retrieval_passagevector (model, passage_id, vector)
SELECT %s, * FROM unnest(%s::bigint[], %s::bytea[]) ON CONFLICT DO NOTHING
"""


@retried
def store_parsed(
    lease: Lease, media_type: str, parsed: ParsedDocument, chunks: Sequence[Chunk], seconds: float, *, cut: str = ""
) -> Document:
    """Replace the passages and move on to embedding."""
    with transaction.atomic():
        document = lock_for_result(lease)
        leave_places(document.pk)
        Passage.objects.filter(document=document).delete()
        copy_passages(document, chunks, cut)
        document.title = storable(parsed.title, 500)
        document.media_type = storable(media_type, 100)
        document.pages = parsed.pages
        document.dated_at = storable_moment(parsed.dated_at) or document.dated_at  # else what its source said
        document.warnings = [storable(warning, 500) for warning in parsed.warnings[:50]]
        document.passage_count = len(chunks)
        document.status = Document.Status.EMBEDDING
        _finish(document, seconds)
        wake_after_commit("embed")
    tally.add(document.collection_id, "parsed")
    return document


@retried
def store_vectors(
    token: UUID,
    owners: Sequence[UUID],
    passage_ids: Sequence[int],
    vectors: Vectors | None,
    model: str,
    *,
    ready: Several[UUID] = (),
    seconds_a_passage: float = 0.0,
) -> set[UUID]:
    """One batch, of passages of many documents, and `ready` for those that it completes: in one transaction.
    -> the documents that are no longer ours, of which nothing is stored

    A batch stays whatever happens next, so the attempts that may fail are counted anew. They stay bounded all the
    same: there are as many batches as the document has.
    """
    passages = Counter(owners)
    wanted = {*passages, *ready}
    with transaction.atomic():
        held = lock_for_results(token, wanted)
        if vectors is not None:
            rows = zip(owners, passage_ids, vectors.astype("<f2"), strict=True)
            insert_vectors([(passage_id, row.tobytes()) for owner, passage_id, row in rows if owner in held], model)
        for document in held.values():
            document.seconds += passages[document.pk] * seconds_a_passage
            document.attempts = 0
        # Each row once: from the second time on, Postgres checks and so locks its collection as well.
        Document.objects.bulk_update([held[pk] for pk in held if pk not in ready], ["seconds", "attempts"])
        made = _make_ready([held[pk] for pk in ready if pk in held], model)
    for document in held.values():
        tally.add(document.collection_id, "passages", passages[document.pk])
    for document in made:
        tally.add(document.collection_id, "ready")
    return wanted - set(held)


def insert_vectors(rows: Sequence[tuple[int, bytes]], model: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_VECTORS, [model, [row[0] for row in rows], [row[1] for row in rows]])


def _make_ready(documents: Sequence[Document], model: str) -> Sequence[Document]:
    """Every passage has its vector: `ready`, and the word to the index services, together. -> those that are"""
    if not documents:
        return []
    keys = [document.pk for document in documents]
    now = timezone.now()
    spent = Case(*[When(pk=one.pk, then=one.seconds) for one in documents], output_field=FloatField())
    free: dict[str, Any] = {"seconds": spent, "attempts": 0, "lease_token": None, "lease_until": None}
    rows = Document.objects.filter(pk__in=keys)
    if not take_places(keys, model=model):
        rows.update(status=Document.Status.RECEIVED, queued_at=now, **free)
        wake_after_commit("parse")
        return []
    used = IndexVersion.objects.filter(cleared_at=None).values("embedding_model")
    PassageVector.objects.filter(passage__document__in=keys).exclude(model__in=used).delete()
    rows.update(status=Document.Status.READY, ready_at=now, queued_at=now, **free)
    record_changes(documents, IndexChange.Kind.ADD)
    return documents


@retried
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
    tally.add(document.collection_id, "failed")


def _finish(document: Document, seconds: float) -> None:
    document.seconds += seconds
    document.attempts = 0
    document.lease_token = None
    document.lease_until = None
    document.queued_at = timezone.now()
    document.save()


def copy_passages(document: Document, chunks: Sequence[Chunk], cut: str) -> None:
    with connection.cursor() as cursor, cursor.copy(_COPY_PASSAGES) as copy:
        for ordinal, chunk in enumerate(chunks):
            text, heading, locator = storable(chunk.text), storable(chunk.heading, 1000), storable(chunk.locator, 200)
            boxes = json.dumps([[box.page, box.left, box.top, box.right, box.bottom] for box in chunk.boxes])
            copy.write_row((document.pk, ordinal, text, heading, chunk.page, locator, boxes, cut))
