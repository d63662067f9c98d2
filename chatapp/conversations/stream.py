"""Where the frames of a turn are kept while people follow it: in memory on one process, in Redis on several.

Sockets read from here, so a reconnect, a second tab or another device goes on at the number it last saw.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable, Sequence
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


class TurnTaken(Exception):
    """Another process has taken the turn over: what this one adds is refused."""


class TurnStream(Protocol):
    async def append(self, turn: UUID, frames: Sequence[Frame], *, final: bool = False, takeovers: int = 0) -> None:
        """Frames carry their `seq`; it grows by one from 1. Frames that are here already change nothing.

        `takeovers` says how many processes had the turn before. Raises StreamAway and TurnTaken.
        """

    async def take_over(self, turn: UUID, takeovers: int) -> list[Frame]:
        """Nobody who had the turn before adds anything from here on. -> what was added so far. Raises StreamAway."""

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

    async def append(self, turn: UUID, frames: Sequence[Frame], *, final: bool = False, takeovers: int = 0) -> None:
        held = self._turns.get(turn)
        if held is None:
            self._forget()
            held = self._turns[turn] = _Held()
        held.frames += [frame for frame in frames if frame["seq"] > len(held.frames)]
        held.final = held.final or final
        held.touched = time.monotonic()
        held.changed.set()
        held.changed = asyncio.Event()

    async def take_over(self, turn: UUID, takeovers: int) -> list[Frame]:
        return []  # what another process held has died with it

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
                    async with asyncio.timeout(SILENCE_S):
                        await changed.wait()
                except TimeoutError:
                    yield None

    def forget(self, turns: Iterable[UUID]) -> None:
        """From any thread. Who reads one of them is told that there is nothing more."""
        for turn in turns:
            self._turns.pop(turn, None)

    def _forget(self) -> None:
        now, held = time.monotonic(), list(self._turns.items())
        stale = [turn for turn, h in held if h.final and now - h.touched > KEPT_S]
        overflow = max(0, len(held) - len(stale) - _TURNS)
        ended = [turn for turn, h in held if h.final and turn not in stale][:overflow]
        self.forget([*stale, *ended])


# Redis runs it as one step, so that no frame slips in behind a takeover. An entry that is there already is passed over.
_APPEND = """
if tonumber(redis.call('GET', KEYS[2]) or '0') > tonumber(ARGV[1]) then return 1 end
for at = 3, #ARGV, 3 do
  local added = redis.pcall('XADD', KEYS[1], ARGV[at], ARGV[at + 1], ARGV[at + 2])
  if type(added) == 'table' and added.err and not added.err:find('equal or smaller') then return added end
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 0
"""


class RedisTurnStream:
    """One Redis stream a turn; entry ids are the sequence numbers, so that no frame can be stored twice."""

    def __init__(self, url: str) -> None:
        import redis.asyncio as redis

        # No socket timeout: a blocking read waits by itself, and the library's default would cut it.
        self._redis = redis.from_url(url, socket_timeout=None, socket_connect_timeout=5)
        self._append = self._redis.register_script(_APPEND)
        self._away = redis_errors()

    @staticmethod
    def _key(turn: UUID) -> str:
        return f"footnote:turn:{turn}"

    @classmethod
    def keys_of(cls, turn: UUID) -> tuple[str, str]:
        """All that Redis holds of it."""
        return cls._key(turn), cls._fence(turn)

    @classmethod
    def _fence(cls, turn: UUID) -> str:
        return f"{cls._key(turn)}:takeovers"

    async def append(self, turn: UUID, frames: Sequence[Frame], *, final: bool = False, takeovers: int = 0) -> None:
        entries = [text for frame in frames for text in (f"{frame['seq']}-0", "frame", json.dumps(frame))]
        if final:
            entries += [f"{frames[-1]['seq']}-1", "final", "1"]
        keys, kept_s = [self._key(turn), self._fence(turn)], KEPT_S if final else _KEPT_RUNNING_S
        try:
            async with asyncio.timeout(_ANSWER_S):
                taken = await self._append(keys=keys, args=[takeovers, kept_s, *entries])
        except self._away as error:
            raise StreamAway(str(error)) from error
        if taken:
            raise TurnTaken

    async def take_over(self, turn: UUID, takeovers: int) -> list[Frame]:
        try:
            async with asyncio.timeout(_ANSWER_S), self._redis.pipeline(transaction=True) as pipe:
                pipe.set(self._fence(turn), takeovers, ex=_KEPT_RUNNING_S)
                pipe.xrange(self._key(turn))
                _, entries = await pipe.execute()
        except self._away as error:
            raise StreamAway(str(error)) from error
        return [json.loads(values[b"frame"]) for _, values in entries if b"frame" in values]

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
