"""A key that is revoked, or ends, ends what runs for it as well: answers take minutes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

import structlog
from django.db import DatabaseError

from chatapp.accounts.models import User
from chatapp.cut_off import Line
from chatapp.errors import ChatAppError

log = structlog.get_logger(__name__)

CHECK_S = 3.0
_T = TypeVar("_T")


class KeyEnded(ChatAppError):
    code, http_status = "invalid_api_key", 401
    user_message = "The API key was revoked, or it ended."
    advice = "Use another key."


class Validity:
    """Of one request's key. `until` and `each` raise KeyEnded where it ends in between."""

    def __init__(self, key: str, ask: Callable[[str], Awaitable[User | None]]) -> None:
        self._key, self._ask = key, ask
        self._line = Line(KeyEnded)
        self._watch = asyncio.create_task(self._look())

    def close(self) -> None:
        self._watch.cancel()

    async def _look(self) -> None:
        while not self._line.is_cut:
            await asyncio.sleep(CHECK_S)
            try:
                if await self._ask(self._key) is None:
                    self._line.cut()
            except DatabaseError as error:  # away for a moment: asked again
                log.warning("key.not_checked", error=" ".join(str(error).split())[:200])

    async def until(self, awaited: Awaitable[_T]) -> _T:
        return await self._line.wait(awaited)

    async def each(self, pieces: AsyncIterator[bytes], refusal: Callable[[KeyEnded], bytes]) -> AsyncIterator[bytes]:
        """The pieces of a stream, which ends with a refusal."""
        try:
            async with aclosing(pieces) as rest:  # type: ignore[type-var]
                while (piece := await self.until(anext(rest, None))) is not None:
                    yield piece
                    if self._line.is_cut:
                        raise KeyEnded
        except KeyEnded as error:
            yield refusal(error)
        finally:
            self.close()
