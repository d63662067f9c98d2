"""Upkeep, as Celery calls it."""

from __future__ import annotations

from celery import shared_task

from chatapp.operations import heartbeat as signs


@shared_task(ignore_result=True, expires=14)
def heartbeat() -> None:
    signs.beat()
