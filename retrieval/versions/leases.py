"""Who builds a version: its lease, as `retrieval.leasing` has it. Every result is written under a check of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from retrieval import leasing
from retrieval.leasing import LeaseLost
from retrieval.versions.models import IndexVersion

MAX_ATTEMPTS = 20  # claims in a row that ended with nothing done

_Status = IndexVersion.Status
OWED = (
    Q(status__in=[_Status.BUILDING, _Status.CHECKING])
    | Q(status=_Status.READY, promote=True)
    | Q(status=_Status.SERVING, catch_up=True)
)


@dataclass(frozen=True, slots=True)
class BuildLease:
    version_id: int
    token: UUID
    lost: threading.Event = field(default_factory=threading.Event)
    works: threading.Event = field(default_factory=threading.Event)  # on one thing that may take minutes

    @property
    def rows(self) -> QuerySet[IndexVersion]:
        """The version, while it is ours."""
        return IndexVersion.objects.filter(pk=self.version_id, lease_token=self.token)


def claim(version_id: int) -> BuildLease | None:
    """Take the version, or None when nothing is owed or somebody else works on it."""
    owed = IndexVersion.objects.filter(OWED, pk=version_id)
    token = leasing.claim(owed, settings.RETRIEVAL.lease_seconds)
    return BuildLease(version_id, token) if token else None


def held(lease: BuildLease, *, lock: bool = False) -> IndexVersion:
    """The row as it is now. With `lock`, it stays ours until the transaction ends. Raises LeaseLost."""
    if lease.lost.is_set():
        raise LeaseLost
    return leasing.row_of(lease.rows.select_for_update(no_key=True) if lock else lease.rows)


def progressed(lease: BuildLease) -> None:
    """Something was stored: the attempts that may fail are counted anew."""
    lease.rows.update(attempts=0, error="", error_code="", moved_at=Now())


@contextmanager
def working(lease: BuildLease) -> Iterator[None]:
    """What takes long and stores nothing meanwhile: the heart-beat says that the version moves."""
    lease.works.set()
    try:
        yield
    finally:
        lease.works.clear()


def release(lease: BuildLease, *, pause_s: float = 0.0, burn_attempt: bool = False) -> None:
    """Give it back; the sweep sends it out again after the pause."""
    attempts = F("attempts") if burn_attempt else 0
    leasing.release(lease.rows, pause_s or None, attempts=attempts, queued_at=Now())


@contextmanager
def heart_beat(lease: BuildLease) -> Iterator[None]:
    """Keeps the lease while the body runs."""

    def beat() -> bool:
        moved: dict[str, Any] = {"moved_at": Now()} if lease.works.is_set() else {}
        if not leasing.extend(lease.rows, settings.RETRIEVAL.lease_seconds, **moved):
            lease.lost.set()
        return not lease.lost.is_set()

    with leasing.heart_beat(beat):
        yield
