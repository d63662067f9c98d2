"""The doors that Celery knocks at for evaluation."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from celery import shared_task
from django.db.models import Q
from django.utils import timezone

from retrieval.evaluation import leases, running
from retrieval.evaluation.models import EvaluationRun
from retrieval.leasing import free_now
from retrieval.messages import send
from retrieval.pipeline.seats import seat

_LOST = timedelta(seconds=10)  # a message that nobody took for so long is sent again
_A_SWEEP = 20
_GAVE_UP = "This run ended without a word several times. Start it again; if that goes on, look at the log."


# Acknowledged before the work: the row and the sweep bring back what a dead worker held.
@shared_task(acks_late=False)
def build_run(run_id: str) -> None:
    """A turn with one run; a message brings the next."""
    with seat("build") as found:
        more = found and running.take_turn(UUID(run_id))
    if more:
        publish(UUID(run_id))


@shared_task(acks_late=False)
def sweep() -> None:
    """Send out again what is owed, and end what cannot be done."""
    now = timezone.now()
    open_now = EvaluationRun.objects.filter(free_now(), state__in=EvaluationRun.OPEN)
    open_now.filter(attempts__gte=leases.MOST_ATTEMPTS).update(
        state=EvaluationRun.State.FAILED, error_code="gave_up", error=_GAVE_UP, ended_at=now, lease_token=None
    )
    owed = open_now.filter(attempts__lt=leases.MOST_ATTEMPTS)
    waits = Q(lease_until=None, queued_at__gt=now - _LOST)
    for pk in owed.exclude(waits).order_by("created_at").values_list("pk", flat=True)[:_A_SWEEP]:
        EvaluationRun.objects.filter(pk=pk).update(queued_at=now)
        publish(pk)


def publish(run_id: UUID) -> None:
    send(build_run, str(run_id))
