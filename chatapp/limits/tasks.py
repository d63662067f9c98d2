"""Upkeep, as Celery calls it."""

from __future__ import annotations

from celery import shared_task
from django.db import connection

_BATCH, _MOST = 10_000, 100
# An empty bucket and one that is not there are the same.
_FORGET = """
DELETE FROM limits_counter WHERE name IN (
    SELECT name FROM limits_counter WHERE empty_at < extract(epoch FROM now()) ORDER BY name
    LIMIT %s FOR UPDATE SKIP LOCKED
)
"""


@shared_task(ignore_result=True, expires=3000)
def forget_empty() -> None:
    for _ in range(_MOST):
        with connection.cursor() as cursor:
            cursor.execute(_FORGET, [_BATCH])
            if cursor.rowcount < _BATCH:
                return
