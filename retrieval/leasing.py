"""Rows that one process works on at a time: the lease lies in the row, a message only says that there is work.

A claim is one conditional UPDATE, the heart-beat or each step extends it, and every result is written under a check of
the token: a worker that was thought dead and comes back changes nothing. All times are the database's.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError, connections, models
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

log = structlog.get_logger(__name__)

_BEAT_S = 15.0  # between two beats at most, however long the leases are


class Leased(models.Model):
    """The columns of a row that is worked on under a lease."""

    attempts = models.PositiveSmallIntegerField(default=0)  # claims in a row that came to nothing
    lease_token = models.UUIDField(null=True)  # fences writers: only the holder's result is taken
    lease_until = models.DateTimeField(null=True)  # without a token: when the row's pause is over

    class Meta:
        abstract = True


Row = TypeVar("Row", bound=Leased)


class LeaseLost(Exception):
    """Somebody else holds the row now, or it is gone: whatever was computed must not be written."""


def free_now() -> Q:
    """Rows that nobody holds and whose pause is over."""
    return Q(lease_until=None) | Q(lease_until__lt=Now())


def nobodys() -> Q:
    """Rows that no worker has in hand, those that wait after an error included."""
    return Q(lease_token=None) | Q(lease_until__lt=Now())


def claim(owed: QuerySet[Row], seconds: float, **changes: Any) -> UUID | None:
    """Take the row, if it is still among those that are owed, and free. -> the token that its results are checked by"""
    token = uuid.uuid4()
    taken = owed.filter(free_now()).update(
        lease_token=token, lease_until=in_seconds(seconds), attempts=F("attempts") + 1, **changes
    )
    return token if taken else None


def extend(held: QuerySet[Row], seconds: float, **changes: Any) -> bool:
    """`held`: filtered by the token. False when the lease is no longer ours."""
    return bool(held.update(lease_until=in_seconds(seconds), **changes))


def release(held: QuerySet[Row], pause_s: float | None = None, **changes: Any) -> None:
    """Give back what is filtered by the token: free at once, or after the pause."""
    until = None if pause_s is None else in_seconds(pause_s)
    held.update(lease_token=None, lease_until=until, **changes)


def row_of(held: QuerySet[Row]) -> Row:
    """The row as it is now; `held` is filtered by the token, and locks where results are written. Raises LeaseLost."""
    row = held.first()
    if row is None:
        raise LeaseLost
    return row


def in_seconds(seconds: float) -> Combinable:
    return Now() + timedelta(seconds=seconds)


@contextmanager
def heart_beat(beat: Callable[[], bool]) -> Iterator[None]:
    """Calls `beat`, on a thread, until the body ends or it says False."""
    done = threading.Event()
    thread = threading.Thread(target=_beat, args=(beat, done), name="lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(timeout=30)


def _beat(beat: Callable[[], bool], done: threading.Event) -> None:
    try:
        while not done.wait(min(settings.RETRIEVAL.lease_seconds / 4, _BEAT_S)):
            try:
                if not beat():
                    return
            except DatabaseError as error:
                # The lease runs on for a while: the next beat may reach the database again.
                log.warning("lease.beat_failed", reason=str(error))
                connections.close_all()
    finally:
        connections.close_all()
