"""Who works on a document: a lease in its row. The message that woke the worker carries only the id.

A claim is one conditional UPDATE, the heart-beat extends it, and every result is written under a lock that checks the
token again: a worker that was thought dead and comes back changes nothing.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, connection, connections
from django.db.models import Q
from django.db.models.functions import Now

from retrieval.models import Document

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 5
INDEX_PAUSE_S = 5.0  # how long a document waits when the index service is away
ERROR_PAUSE_S = 10.0  # and after an unexpected error, times the attempts made

_CLAIM = """
UPDATE retrieval_document
   SET status = %(working)s, lease_token = %(token)s, attempts = attempts + 1,
       lease_until = now() + make_interval(secs => %(seconds)s)
 WHERE id = %(id)s AND status = ANY(%(from)s) AND attempts < %(most)s
   AND (lease_until IS NULL OR lease_until < now())
RETURNING attempts
"""
_EXTEND = """
UPDATE retrieval_document SET lease_until = now() + make_interval(secs => %s) WHERE id = %s AND lease_token = %s
"""
_RELEASE = """
UPDATE retrieval_document
   SET lease_token = NULL, attempts = greatest(attempts - %s, 0), queued_at = now(),
       lease_until = now() + make_interval(secs => %s)
 WHERE id = %s AND lease_token = %s
"""


class LeaseLost(Exception):
    """Somebody else holds the document now, or it is gone: whatever was computed must not be written."""


@dataclass(frozen=True, slots=True)
class Lease:
    document_id: UUID
    token: UUID
    attempts: int


def claim(document_id: UUID, working: Document.Status) -> Lease | None:
    """Take the document for one stage, or None when it is not owed, not free, or was tried too often."""
    waiting = [Document.Status.RECEIVED] if working == Document.Status.PARSING else []
    token = uuid.uuid4()
    values: dict[str, Any] = {
        "id": document_id,
        "token": token,
        "working": working.value,
        "from": [working.value, *(status.value for status in waiting)],
        "most": MAX_ATTEMPTS,
        "seconds": float(settings.RETRIEVAL.lease_seconds),
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, values)
        row = cursor.fetchone()
    return Lease(document_id, token, row[0]) if row else None


def extend(lease: Lease) -> bool:
    """False when the lease is no longer ours."""
    with connection.cursor() as cursor:
        cursor.execute(_EXTEND, [float(settings.RETRIEVAL.lease_seconds), lease.document_id, lease.token])
        return bool(cursor.rowcount)


def release(lease: Lease, *, pause_s: float, burn_attempt: bool) -> None:
    """Give the document back unfinished; the sweeper sends it out again after the pause."""
    uncounted = 0 if burn_attempt else 1
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, [uncounted, pause_s, lease.document_id, lease.token])


def held_document(lease: Lease) -> Document:
    """The row as it is now, not locked."""
    held = Document.objects.filter(pk=lease.document_id, lease_token=lease.token).first()
    if held is None:
        raise LeaseLost
    return held


def lock_for_result(lease: Lease) -> Document:
    """The row, locked until the transaction ends. Call inside transaction.atomic()."""
    held = Document.objects.select_for_update().filter(pk=lease.document_id, lease_token=lease.token).first()
    if held is None:
        raise LeaseLost
    return held


@contextmanager
def heart_beat(lease: Lease) -> Iterator[threading.Event]:
    """Keeps the lease while the body runs; the event is set as soon as it is lost."""
    done, lost = threading.Event(), threading.Event()
    thread = threading.Thread(target=_beat, args=(lease, done, lost), name="lease", daemon=True)
    thread.start()
    try:
        yield lost
    finally:
        done.set()
        thread.join(timeout=30)


def _beat(lease: Lease, done: threading.Event, lost: threading.Event) -> None:
    try:
        while not done.wait(settings.RETRIEVAL.lease_seconds / 4):
            try:
                if not extend(lease):
                    lost.set()
                    return
            except DatabaseError as error:
                # The lease runs on for a while: the next beat may reach the database again.
                log.warning("lease.beat_failed", document=str(lease.document_id), reason=str(error))
                connections.close_all()
    finally:
        connections.close_all()


def free_now() -> Q:
    """Rows that nobody holds."""
    return Q(lease_until=None) | Q(lease_until__lt=Now())


def give_up_on_exhausted(sentence: str) -> int:
    """Mark as failed what was tried too often and is held by nobody. -> how many"""
    owed = Document.objects.filter(
        status__in=[Document.Status.RECEIVED, Document.Status.PARSING, Document.Status.EMBEDDING],
        attempts__gte=MAX_ATTEMPTS,
    )
    return owed.filter(free_now()).update(
        status=Document.Status.FAILED,
        error_code="gave_up",
        error=sentence,
        lease_token=None,
        lease_until=None,
    )
