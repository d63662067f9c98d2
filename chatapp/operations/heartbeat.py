"""The worker's sign of life: beat sends it a message, and the worker that takes it writes the time."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from chatapp.operations.models import Heartbeat

_SILENT_S = 60


def beat() -> None:
    Heartbeat.objects.update_or_create(part="worker")


def worker_is_alive() -> bool:
    recent = timezone.now() - timedelta(seconds=_SILENT_S)
    return Heartbeat.objects.filter(part="worker", at__gt=recent).exists()
