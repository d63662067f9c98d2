"""One run of a source in a worker's hands: its time, its counts, and what the collection has of it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from retrieval.sources import leases
from retrieval.sources.errors import SourceError
from retrieval.sources.leases import Lease
from retrieval.sources.models import Source, SourceItem
from retrieval.stored_text import storable, storable_json

LISTING_S = 480.0  # until the first item that is new to the run; a slice after it ends within CELERY_TASK_TIME_LIMIT
_NOTED_TOGETHER = 500


class Paused(Exception):
    """The slice is over, the run is not."""


class Stopped(Exception):
    """A person asked for it."""


class Known(NamedTuple):
    """An item of earlier runs, or of an earlier slice of this one."""

    pk: int
    version: str
    run: int
    error_code: str
    error: str


def hash_of(key: str) -> str:
    return hashlib.sha256(storable(key).encode()).hexdigest()


class Run:
    """A slice of a run. Its time counts from the first item that is new to the run: a slice that only listed what was
    taken before would go in circles.
    """

    def __init__(self, lease: Lease, source: Source, slice_s: float) -> None:
        self.lease, self.source = lease, source
        self.counts: dict[str, int] = dict(source.counts)  # of the slices before
        self.problem = ""  # the first of those that `failed` counts
        self.known = _known(source)
        self._slice_s, self._ends, self._extended = slice_s, float("inf"), float("-inf")
        self._latest = time.monotonic() + LISTING_S
        self._moved = False
        self._still_there: list[int] = []

    def alive(self) -> None:
        """Raises LeaseLost, Stopped, Paused."""
        now = time.monotonic()
        if not self._moved and now >= self._latest:
            raise SourceError("Listing what the source has takes too long.", advice="Split it into several.")
        over = now >= self._ends
        if now - self._extended < leases.EXTENDED_EVERY_S and not over:
            return
        self._extended = now
        self.source = leases.extend(self.lease)
        self.flush()
        if self.source.stop_asked:
            raise Stopped
        if over:
            raise Paused

    def begin_slice(self) -> None:
        """From here on it makes steps that need not be made again."""
        if not self._moved:
            self._moved, self._ends = True, time.monotonic() + self._slice_s

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def failed(self, problem: str) -> None:
        self.count("failed")
        self.problem = self.problem or problem

    def still_there(self, known: Known, memo: Mapping[str, Any]) -> None:
        """Unchanged: noted with others, in one statement."""
        if memo:
            kept = storable_json(memo)
            SourceItem.objects.filter(pk=known.pk).exclude(memo=kept).update(memo=kept)
        self._still_there.append(known.pk)
        if len(self._still_there) >= _NOTED_TOGETHER:
            self.flush()

    def flush(self) -> None:
        ours = SourceItem.objects.filter(pk__in=self._still_there, source__lease_token=self.lease.token)
        if self._still_there:
            ours.update(run=self.source.run, absent=False)
        self._still_there = []
        self.lease.rows.update(counts=self.counts, **({"attempts": 0} if self._moved else {}))


def _known(source: Source) -> dict[str, Known]:
    """By the hash of the key; some 300 bytes each."""
    rows = SourceItem.objects.filter(source=source).values_list("key_hash", "pk", *Known._fields[1:])
    return {row[0]: Known._make(row[1:]) for row in rows.iterator()}
