"""Where the frames of a turn are kept while people follow it: in memory on one process, in Redis on several.

Sockets read from here, so a reconnect, a second tab or another device goes on at the number it last saw.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol
from uuid import UUID

import structlog
from django.conf import settings

log = structlog.get_logger(__name__)

Frame = dict[str, Any]
KEPT_S = 600  # after the last frame
_TURNS = 2000
SILENCE_S = 5
_KEPT_RUNNING_S = 900  # no turn is silent for longer
_ANSWER_S = 5.0  # for Redis to take frames
_PAUSE_S = 1.0  # before Redis is asked again


class StreamAway(Exception):
    """Frames may not have arrived: they are to be appended again."""


class TurnStream(Protocol):
    async def append(self, turn: UUID, frames: Sequence[Frame], *, final: bool = False) -> None:
        """Frames carry their `seq`; it grows by one from 1. Frames that are here already change nothing.

        Raises StreamAway.
        """

    async def holds(self, turn: UUID, after: int) -> bool:
        """Whether every frame of this turn behind `after` is still here. Raises StreamAway."""

    def read(self, turn: UUID, after: int) -> AsyncIterator[Frame | None]:
        """Frames behind `after`, then live ones, until the turn's last; None now and then while there is no frame."""


@dataclass
class _Held:
    frames: list[Frame] = field(default_factory=list)
    final: bool = False
    touched: float = field(default_factory=time.monotonic)
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class MemoryTurnStream:
    def __init__(self) -> None:
        self._turns: dict[UUID, _Held] = {}

    async def append(self, turn: UUID, frames: Sequence[Frame], *, final: bool = False) -> None:
        self._forget()
        held = self._turns.setdefault(turn, _Held())
        held.frames += [frame for frame in frames if frame["seq"] > len(held.frames)]
        held.final = held.final or final
        held.touched = time.monotonic()
        held.changed.set()
        held.changed = asyncio.Event()

    async def holds(self, turn: UUID, after: int) -> bool:
        return turn in self._turns

    async def read(self, turn: UUID, after: int) -> AsyncIterator[Frame | None]:
        at = after
        while (held := self._turns.get(turn)) is not None:
            changed = held.changed
            while at < len(held.frames):
                frame = held.frames[at]
                at += 1
                yield frame
            if held.final:
                return
            if changed is held.changed:
                try:
                    await asyncio.wait_for(changed.wait(), SILENCE_S)
                except TimeoutError:
                    yield None

    def _forget(self) -> None:
        now = time.monotonic()
        stale = [t for t, h in self._turns.items() if h.final and now - h.touched > KEPT_S]
        overflow = max(0, len(self._turns) - len(stale) - _TURNS)
        ended = [t for t, h in self._turns.items() if h.final and t not in stale][:overflow]
        for turn in [*stale, *ended]:
            del self._turns[turn]


class RedisTurnStream:
    """One Redis stream a turn; entry ids are the sequence numbers, so that no frame can be stored twice."""

    def __init__(self, url: str) -> None:
        import redis.asyncio as redis

        # No socket timeout: a blocking read waits by itself, and the library's default would cut it.
        self._redis = redis.from_url(url, socket_timeout=None, socket_connect_timeout=5)
        self._away = redis_errors()

    @staticmethod
    def _key(turn: UUID) -> str:
        return f"footnote:turn:{turn}"

    async def append(self, turn: UUID, frames: Sequence[Frame], *, final: bool = False) -> None:
        key = self._key(turn)
        try:
            async with asyncio.timeout(_ANSWER_S), self._redis.pipeline(transaction=True) as pipe:
                for frame in frames:
                    pipe.xadd(key, {"frame": json.dumps(frame)}, id=f"{frame['seq']}-0")
                if final:
                    pipe.xadd(key, {"final": "1"}, id=f"{frames[-1]['seq']}-1")
                pipe.expire(key, KEPT_S if final else _KEPT_RUNNING_S)
                answers = await pipe.execute(raise_on_error=False)
        except self._away as error:
            raise StreamAway(str(error)) from error
        for answer in answers:
            if isinstance(answer, Exception) and "equal or smaller" not in str(answer):
                raise StreamAway(str(answer)) from answer

    async def holds(self, turn: UUID, after: int) -> bool:
        try:
            async with asyncio.timeout(_ANSWER_S):
                first: Any = await self._redis.xrange(self._key(turn), count=1)
        except self._away as error:
            raise StreamAway(str(error)) from error
        return bool(first) and int(first[0][0].split(b"-")[0]) <= after + 1

    async def read(self, turn: UUID, after: int) -> AsyncIterator[Frame | None]:
        key, last = self._key(turn), f"{after}-0"
        while True:
            try:
                found: Any = await self._redis.xread({key: last}, block=SILENCE_S * 1000, count=200)
            except self._away as error:
                log.warning("stream.away", turn=str(turn), error=str(error)[:200])
                await asyncio.sleep(_PAUSE_S)
                found = None
            if not found:
                yield None
                continue
            entries = found[key.encode()][0] if isinstance(found, dict) else found[0][1]
            for entry, values in entries:
                last = entry.decode()
                if b"final" in values:
                    return
                yield json.loads(values[b"frame"])


@lru_cache(maxsize=1)
def redis_errors() -> tuple[type[Exception], ...]:
    """What a Redis that is away raises; nothing without Redis, whose client is then not loaded."""
    if not settings.REDIS_URL:
        return ()
    from redis import RedisError

    return (RedisError, OSError, TimeoutError)


@lru_cache(maxsize=1)
def turn_stream() -> TurnStream:
    return RedisTurnStream(settings.REDIS_URL) if settings.REDIS_URL else MemoryTurnStream()
