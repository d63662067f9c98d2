"""Which index services run, and which index versions can be asked now: those that every one of them holds."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from retrieval.versions.models import IndexServiceState, IndexVersion

LIVE = timedelta(seconds=15)  # a service that has not been heard of for longer is not there


def live_services() -> QuerySet[IndexServiceState]:
    return IndexServiceState.objects.filter(seen_at__gt=timezone.now() - LIVE).order_by("name")


def held_versions() -> list[IndexVersion]:
    """The newest first. Empty where no service runs, and before the first version."""
    each = [{int(key) for key in holds} for holds in live_services().values_list("holds", flat=True)]
    return list(IndexVersion.objects.filter(pk__in=set.intersection(*each) if each else ()))
