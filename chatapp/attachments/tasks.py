"""Upkeep of attached files, as Celery calls it."""

from __future__ import annotations

from celery import shared_task

from chatapp.attachments import leaving


@shared_task(ignore_result=True, expires=50)
def sweep() -> None:
    leaving.sweep()
