"""Counts what was done, in this process first and every few seconds in the database."""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import timedelta
from typing import Literal
from uuid import UUID

import structlog
from django.db import DatabaseError, connection
from django.utils import timezone

from retrieval.throughput.models import Slot

log = structlog.get_logger(__name__)

SLOT_S = 10
KEPT = timedelta(hours=2)
WRITES_EVERY_S = 2.0
Kind = Literal["parsed", "ready", "failed", "passages"]
_KINDS: tuple[Kind, ...] = ("parsed", "ready", "failed", "passages")

_ADD = """
INSERT INTO throughput_slot (at, collection_id, parsed, ready, failed, passages)
SELECT to_timestamp(floor(extract(epoch FROM clock_timestamp()) / %s) * %s), *
  FROM unnest(%s::uuid[], %s::int[], %s::int[], %s::int[], %s::int[])
    ON CONFLICT (at, collection_id) DO UPDATE
   SET parsed = throughput_slot.parsed + excluded.parsed, ready = throughput_slot.ready + excluded.ready,
       failed = throughput_slot.failed + excluded.failed, passages = throughput_slot.passages + excluded.passages
"""


class Tally:
    """Of one process. What it had not written when it was killed is not counted: rates are for looking at."""

    def __init__(self) -> None:
        self._counts: dict[UUID, dict[Kind, int]] = defaultdict(dict)
        self._written = 0.0

    def add(self, collection_id: UUID, kind: Kind, number: int = 1) -> None:
        counts = self._counts[collection_id]
        counts[kind] = counts.get(kind, 0) + number

    def write(self, *, at_once: bool = False) -> None:
        """Outside of transactions, so that nobody waits for these rows."""
        now = time.monotonic()
        if not self._counts or not (at_once or now - self._written > WRITES_EVERY_S):
            return
        rows = sorted(self._counts.items())
        self._counts, self._written = defaultdict(dict), now
        columns = [[counts.get(kind, 0) for _, counts in rows] for kind in _KINDS]
        try:
            with connection.cursor() as cursor:
                cursor.execute(_ADD, [SLOT_S, SLOT_S, [key for key, _ in rows], *columns])
        except DatabaseError as error:
            log.warning("throughput.not_counted", reason=str(error))


tally = Tally()


def forget_old() -> None:
    Slot.objects.filter(at__lt=timezone.now() - KEPT).delete()
