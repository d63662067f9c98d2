"""Upkeep of jobs: what a dead process left is sent out again, ended, or removed."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import structlog
from django.conf import settings
from django.utils import timezone

from inference import pulling
from inference.jobs import leases, work
from inference.models import Job

log = structlog.get_logger(__name__)

_YOUNG = timedelta(seconds=5)  # a command that has just written a row is about to claim it
_KEPT = timedelta(days=90)
_GAVE_UP = f"{leases.MOST_ATTEMPTS} tries ended without a result: each time the process that worked on it died."


def sweep() -> bool:
    """-> whether there is work that nobody does."""
    end_hopeless()
    now = timezone.now()
    Job.objects.filter(ended_at__lt=now - _KEPT).delete()
    forget_signatures()
    remove_leftovers(settings.INFERENCE.models_dir)
    return leases.owed().filter(created_at__lt=now - _YOUNG).exists() and not leases.is_busy()


def end_hopeless() -> None:
    """Jobs that nobody works on and nobody will: cancelled, or tried too often."""
    owed = leases.owed()
    ended = {"ended_at": timezone.now(), "lease_token": None, "lease_until": None, "step": ""}
    owed.filter(cancel_requested=True).update(state=Job.State.CANCELLED, **ended)
    if gave_up := owed.filter(attempts__gte=leases.MOST_ATTEMPTS).update(
        state=Job.State.FAILED, error=_GAVE_UP, **ended
    ):
        log.warning("job.gave_up", jobs=gave_up)


def forget_signatures() -> None:
    """Who pulled needs the query of the address only until the end."""
    ended = Job.objects.filter(kind=Job.Kind.PULL, ended_at__isnull=False, parameters__source__icontains="?")
    for job in ended:
        job.parameters["source"] = pulling.shown(job.parameters["source"])
        job.save(update_fields=["parameters"])


def remove_leftovers(folder: Path) -> int:
    """Files of attempts that nobody makes any more."""
    found = sorted(folder.glob(f"{work.PREFIX}*")) if folder.is_dir() else []
    if not found:
        return 0
    held = Job.objects.filter(state=Job.State.RUNNING, lease_until__gte=timezone.now())
    kept = {str(token) for token in held.values_list("lease_token", flat=True)}
    leftovers = [path for path in found if not kept & set(path.name.split("."))]
    for path in leftovers:
        path.unlink(missing_ok=True)
        log.info("job.leftover_removed", file=path.name)
    return len(leftovers)
