"""Upkeep of turns, as Celery calls it."""

from __future__ import annotations

from celery import shared_task

from chatapp.conversations import services


@shared_task(ignore_result=True, expires=14)
def sweep() -> None:
    services.sweep()
