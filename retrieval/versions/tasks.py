"""The doors that Celery knocks at. A message says which version has work; its row decides whether that is so."""

from __future__ import annotations

import time
from datetime import timedelta

import structlog
from celery import shared_task
from django.utils import timezone

from retrieval.leasing import free_now
from retrieval.messages import send
from retrieval.pipeline.seats import seat
from retrieval.versions import building, clearing, schedule, services
from retrieval.versions.errors import VersionInTheWorks
from retrieval.versions.leases import OWED
from retrieval.versions.models import IndexServiceState, IndexVersion

log = structlog.get_logger(__name__)

LOST = timedelta(seconds=5)  # a message that was not taken for so long
SERVICES_KEPT = timedelta(days=1)
CLEARS_S = 20.0  # in one go


# Acknowledged before the work: the row and the sweep bring back what a dead worker held.
@shared_task(acks_late=False)
def build(version_id: int) -> None:
    """A turn with one version; a message brings the next."""
    with seat("build") as found:
        more = found and building.take_turn(version_id)
    if more:
        publish(version_id)


@shared_task(acks_late=False)
def clear() -> None:
    """Delete what only versions that ended had."""
    with seat("build") as found:
        if found:
            clearing.clear(time.monotonic() + CLEARS_S)


@shared_task(acks_late=False)
def sweep() -> None:
    """Send out again what is owed: messages that were lost, and versions whose builder died."""
    now = timezone.now()
    free = IndexVersion.objects.filter(OWED, free_now()).exclude(queued_at__gt=now - LOST, lease_until=None)
    for version in list(free.order_by("pk")[:20]):
        IndexVersion.objects.filter(pk=version.pk).update(queued_at=now)
        publish(version.pk)
    IndexServiceState.objects.filter(seen_at__lt=now - SERVICES_KEPT).delete()
    if clearing.is_owed():
        send(clear, queue="build")


@shared_task(acks_late=False)
def begin_scheduled() -> None:
    """Everything anew with today's settings, where the operator asks for it every so many days."""
    if schedule.is_due(timezone.now()):
        try:
            version = services.request_version(note="By the schedule.")
        except VersionInTheWorks:
            return
        log.info("version.scheduled", version=version.pk)


def publish(version_id: int) -> None:
    send(build, version_id, queue="build")
