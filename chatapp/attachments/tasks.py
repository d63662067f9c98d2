"""Upkeep of attached files, as Celery calls it."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from chatapp.attachments import leaving
from retrieval.messages import send


@shared_task(ignore_result=True)
def forget(collection: str) -> None:
    leaving.forget([UUID(collection)])


def forget_soon(collection: str) -> None:
    send(forget, collection)


@shared_task(ignore_result=True, expires=50)
def sweep() -> None:
    leaving.sweep()


@shared_task(ignore_result=True, expires=3000)
def forget_unused() -> None:
    leaving.forget_unused()
