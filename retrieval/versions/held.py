"""Which index versions can be asked now: those that every running index service holds."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from retrieval.versions.models import IndexServiceState, IndexVersion

_LIVE = timedelta(seconds=15)  # a service that has not been heard of for longer says nothing


def held_versions() -> list[IndexVersion]:
    """The newest first. Empty where no service runs, and before the first version."""
    rows = IndexServiceState.objects.filter(seen_at__gt=timezone.now() - _LIVE).values_list("holds", flat=True)
    each = [{int(key) for key in holds} for holds in rows]
    return list(IndexVersion.objects.filter(pk__in=set.intersection(*each) if each else ()))
