"""Upkeep, as Celery calls it."""

from __future__ import annotations

from celery import shared_task

from chatapp.operations import heartbeat as signs


@shared_task(ignore_result=True, expires=14)
def heartbeat() -> None:
    signs.beat()


@shared_task(ignore_result=True, expires=28)
def gather_figures() -> None:
    from chatapp.operations.figures import gathering

    gathering.gather()


@shared_task(ignore_result=True, expires=3000)
def forget_figures() -> None:
    from chatapp.operations.figures import gathering

    gathering.forget_old()
