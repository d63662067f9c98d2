"""Who works on a document: its lease, as `retrieval.leasing` has it. The message that woke the worker carries no more
than the id.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Greatest, Now

from retrieval import leasing
from retrieval.models import Document, DocumentQuerySet

MAX_ATTEMPTS = 5
INDEX_PAUSE_S = 5.0  # how long a document waits when the index service is away
ERROR_PAUSE_S = 10.0  # and after an unexpected error, times the attempts made


@dataclass(frozen=True, slots=True)
class Lease:
    document_id: UUID
    token: UUID
    attempts: int


def extend(lease: Lease) -> bool:
    """False when the lease is no longer ours."""
    return leasing.extend(_held(lease.token, [lease.document_id]), settings.RETRIEVAL.lease_seconds)


def release(lease: Lease, *, pause_s: float, burn_attempt: bool, to_the_end: bool = True) -> None:
    """Give the document back unfinished; the sweeper sends it out again after the pause."""
    release_all([lease], pause_s=pause_s, burn_attempt=burn_attempt, to_the_end=to_the_end)


def release_all(leases: Sequence[Lease], *, pause_s: float, burn_attempt: bool, to_the_end: bool = True) -> None:
    """Those of one token. `to_the_end`: behind the others of their collection; otherwise each keeps its place."""
    if not leases:
        return
    leasing.release(
        _held(leases[0].token, [lease.document_id for lease in leases]),
        pause_s,
        attempts=F("attempts") if burn_attempt else Greatest(F("attempts") - 1, 0),
        queued_at=Now() if to_the_end else F("queued_at"),
    )


def held_document(lease: Lease) -> Document:
    """The row as it is now, not locked. Raises LeaseLost."""
    return leasing.row_of(_held(lease.token, [lease.document_id]))


def lock_for_result(lease: Lease) -> Document:
    """The row, locked until the transaction ends. Call inside transaction.atomic(). Raises LeaseLost."""
    return leasing.row_of(_held(lease.token, [lease.document_id]).select_for_update())


def lock_for_results(token: UUID, documents: Collection[UUID]) -> dict[UUID, Document]:
    """Those that are still ours, locked until the transaction ends, in an order that is the same for everybody."""
    held = _held(token, documents).select_for_update().order_by("pk")
    return {document.pk: document for document in held}


@contextmanager
def heart_beat(lease: Lease) -> Iterator[threading.Event]:
    """Keeps the lease while the body runs; the event is set as soon as it is lost."""
    lost = threading.Event()

    def beat() -> bool:
        if not extend(lease):
            lost.set()
        return not lost.is_set()

    with leasing.heart_beat(beat):
        yield lost


class Holding:
    """Documents that one process holds under one token, with one heart-beat for all of them."""

    def __init__(self) -> None:
        self.token = uuid.uuid4()
        self._held: dict[UUID, Lease] = {}
        self._lock = threading.Lock()

    def add(self, leases: Iterable[Lease]) -> None:
        with self._lock:
            self._held.update((lease.document_id, lease) for lease in leases)

    def drop(self, document_id: UUID) -> None:
        with self._lock:
            self._held.pop(document_id, None)

    def leases(self) -> list[Lease]:
        with self._lock:
            return list(self._held.values())

    @contextmanager
    def kept(self) -> Iterator[None]:
        """What was lost meanwhile shows when its result is written."""
        with leasing.heart_beat(self._beat):
            yield

    def _beat(self) -> bool:
        held = [lease.document_id for lease in self.leases()]
        leasing.extend(_held(self.token, held), settings.RETRIEVAL.lease_seconds)
        return True


def give_up_on_exhausted(sentence: str) -> int:
    """Mark as failed what was tried too often and is held by nobody. -> how many"""
    owed = Document.objects.filter(
        status__in=[Document.Status.RECEIVED, Document.Status.PARSING, Document.Status.EMBEDDING],
        attempts__gte=MAX_ATTEMPTS,
    )
    return owed.filter(leasing.free_now()).update(
        status=Document.Status.FAILED,
        error_code="gave_up",
        error=sentence,
        lease_token=None,
        lease_until=None,
    )


def _held(token: UUID, documents: Collection[UUID]) -> DocumentQuerySet:
    return Document.objects.filter(pk__in=documents, lease_token=token)
