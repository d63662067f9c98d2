"""What is kept outside Postgres for minutes: frames of turns, and answers."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import structlog
from django.conf import settings
from django.core.cache import caches

from chatapp.conversations.stream import MemoryTurnStream, RedisTurnStream, redis_errors, turn_stream

log = structlog.get_logger(__name__)

_TIMEOUT_S = 5.0


def forget_streams(turns: Collection[UUID]) -> None:
    """Of a turn that runs, more may come: it is called again where the turn notices that it is gone.

    In the memory of another process they are gone after ten minutes, and nobody can ask for them before.
    """
    if not turns:
        return
    if not settings.REDIS_URL:
        memory = turn_stream()
        if isinstance(memory, MemoryTurnStream):
            memory.forget(turns)
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
