"""Index versions that nobody asks for one by one."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from retrieval.versions.models import IndexVersion

_SLACK = timedelta(hours=2)  # a build that began late does not move the next one to another day


def is_due(now: datetime) -> bool:
    """In the hour of the schedule, when its days have passed since the newest version was asked for."""
    config = settings.RETRIEVAL
    if not config.reindex_days or now.hour != config.reindex_hour:
        return False
    newest = IndexVersion.objects.order_by("-created_at").values_list("created_at", flat=True).first()
    return newest is not None and now - newest >= timedelta(days=config.reindex_days) - _SLACK
