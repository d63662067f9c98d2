"""Who works on a run: its lease, as `retrieval.leasing` has it, kept by a heart-beat."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Now

from retrieval import leasing
from retrieval.evaluation.models import EvaluationRun

LEASE_S = 120.0
MOST_ATTEMPTS = 5  # in a row that ended with no question answered


@dataclass(frozen=True, slots=True)
class RunLease:
    run_id: UUID
    token: UUID

    @property
    def rows(self) -> QuerySet[EvaluationRun]:
        """The run, while it is ours."""
        return EvaluationRun.objects.filter(pk=self.run_id, lease_token=self.token)


def claim(run_id: UUID) -> RunLease | None:
    """Take a run that is owed and that nobody holds."""
    owed = EvaluationRun.objects.filter(pk=run_id, state__in=EvaluationRun.OPEN, attempts__lt=MOST_ATTEMPTS)
    token = leasing.claim(owed, LEASE_S, state=EvaluationRun.State.RUNNING)
    return RunLease(run_id, token) if token else None


def locked(lease: RunLease) -> EvaluationRun:
    """The row, ours until the transaction ends. Raises LeaseLost."""
    rows = lease.rows.select_for_update(of=("self",), no_key=True)
    return leasing.row_of(rows.select_related("version__question_set"))


def release(lease: RunLease, *, pause_s: float = 0.0) -> None:
    """To be taken again, after the pause."""
    leasing.release(lease.rows, pause_s or None, queued_at=Now())


@contextmanager
def heart_beat(lease: RunLease) -> Iterator[None]:
    """Keeps the lease while the body runs; that it was lost shows when a result is written."""
    with leasing.heart_beat(lambda: leasing.extend(lease.rows, LEASE_S)):
        yield
