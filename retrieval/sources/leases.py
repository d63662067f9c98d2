"""Who works on a source: its lease, as `retrieval.leasing` has it, extended with each step."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Case, F, QuerySet, Value, When

from retrieval import leasing
from retrieval.sources.models import Source

LEASE_S = 180.0  # longer than any single request may take
EXTENDED_EVERY_S = 5.0
MOST_ATTEMPTS = 5  # that ended without giving the lease back: the worker died each time


@dataclass(frozen=True, slots=True)
class Lease:
    source_id: UUID
    token: UUID

    @property
    def rows(self) -> QuerySet[Source]:
        """The source, while it is ours."""
        return Source.objects.filter(pk=self.source_id, lease_token=self.token)


def claim(source_id: UUID) -> Lease | None:
    """Take a source whose run is owed and that nobody holds."""
    owed = Source.objects.filter(pk=source_id, attempts__lt=MOST_ATTEMPTS).exclude(state=Source.State.IDLE)
    running = Case(When(state=Source.State.WAITING, then=Value("running")), default=F("state"))
    token = leasing.claim(owed, LEASE_S, state=running)
    return Lease(source_id, token) if token else None


def extend(lease: Lease) -> Source:
    """The row as it is now. Raises LeaseLost."""
    leasing.extend(lease.rows, LEASE_S)
    return leasing.row_of(lease.rows)


def locked(lease: Lease) -> Source:
    """The row, locked until the transaction ends. Raises LeaseLost."""
    return leasing.row_of(lease.rows.select_for_update())


def give_back(lease: Lease) -> None:
    """To be taken again at once; a step was made, so attempts are counted anew."""
    leasing.release(lease.rows, attempts=0)
