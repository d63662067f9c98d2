"""What is kept outside Postgres for minutes: frames of turns, and answers."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import structlog
from django.conf import settings
from django.core.cache import caches

from chatapp.conversations.stream import RedisTurnStream, redis_errors

log = structlog.get_logger(__name__)

_TIMEOUT_S = 5.0


def forget_streams(turns: Collection[UUID]) -> None:
    """In the memory of a web process they are gone after ten minutes, and nobody can ask for them before."""
    if not settings.REDIS_URL or not turns:
        return
    from redis import Redis

    keys = [key for turn in turns for key in RedisTurnStream.keys_of(turn)]
    try:
        with Redis.from_url(settings.REDIS_URL, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S) as redis:
            redis.delete(*keys)
    except redis_errors() as error:
        log.warning("privacy.streams_not_deleted", error=str(error)[:200])


def forget_answers() -> None:
    """All of them: they do not tell whom they were written for. Another process's memory forgets them by itself."""
    try:
        caches["answers"].clear()
    except redis_errors() as error:
        log.warning("privacy.answers_not_deleted", error=str(error)[:200])
