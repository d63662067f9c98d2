"""Upkeep of the audit trail, as Celery calls it."""

from __future__ import annotations

from celery import shared_task

from chatapp.governance import chain as links


@shared_task(ignore_result=True, expires=2.5)
def chain() -> None:
    links.chain_all()
