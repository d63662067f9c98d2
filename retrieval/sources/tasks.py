"""The doors that Celery knocks at for sources."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import structlog
from celery import shared_task
from django.db import transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Q
from django.db.models.functions import Now
from django.utils import timezone

from retrieval.leasing import free_now
from retrieval.messages import send
from retrieval.pipeline.seats import seat
from retrieval.sources import leases, services
from retrieval.sources.models import Source
from retrieval.sources.retiring import settle
from retrieval.sources.sync import run_source

log = structlog.get_logger(__name__)

_LOST = timedelta(seconds=15)  # a message that nobody took for so long is sent again
_A_SWEEP = 100
_GAVE_UP = "Reading this source ended without a word several times. Run it again; if that goes on, look at the log."


@shared_task(acks_late=False)
def read_source(source_id: str) -> None:
    with seat("sources") as found:
        more = found and run_source(UUID(source_id)) == "more"
    if more:
        publish(UUID(source_id))


@shared_task(acks_late=False, expires=9)
def sweep() -> None:
    """Begin what is due, send out again what a dead worker held, and put new versions in the place of old ones."""
    now = timezone.now()
    for source in Source.objects.filter(enabled=True, state=Source.State.IDLE, due_at__lte=now)[:_A_SWEEP]:
        services.ask_run(source)
    for pk in _lost()[:_A_SWEEP]:
        publish(pk)
    _give_up()
    if settled := settle():
        log.info("source.settled", documents=settled)


def _lost() -> list[UUID]:
    now = timezone.now()
    owed = Source.objects.exclude(state=Source.State.IDLE).filter(attempts__lt=leases.MOST_ATTEMPTS)
    never_taken = Q(lease_until=None, started_at__lt=now - _LOST)
    return list(owed.filter(never_taken | Q(lease_until__lt=now)).values_list("pk", flat=True))


def _give_up() -> None:
    now = timezone.now()
    dead = Source.objects.exclude(state=Source.State.IDLE).filter(attempts__gte=leases.MOST_ATTEMPTS)
    again = ExpressionWrapper(Now() + F("every_minutes") * timedelta(minutes=1), output_field=DateTimeField())
    dead.filter(free_now()).update(
        state=Source.State.IDLE,
        outcome=Source.Outcome.FAILED,
        error_code="gave_up",
        error=_GAVE_UP,
        finished_at=now,
        lease_token=None,
        lease_until=None,
        due_at=again,  # its schedule goes on; null where it has none
    )


def publish_after_commit(source_id: UUID) -> None:
    transaction.on_commit(lambda: publish(source_id))


def publish(source_id: UUID) -> None:
    send(read_source, str(source_id))
