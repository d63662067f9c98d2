"""Upkeep, as Celery calls it."""

from __future__ import annotations

from celery import shared_task

from chatapp.privacy import retention


@shared_task(ignore_result=True, expires=3000)
def forget_conversations() -> None:
    retention.forget_conversations()
