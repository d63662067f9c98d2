"""Waiting that can be cut off from elsewhere: access that is lost, a key that ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

_T = TypeVar("_T")


class Line:
    """What one reader waits for, until it is cut: then `error` is raised. Cut between two waits, the next one ends at
    once."""

    def __init__(self, error: Callable[[], Exception]) -> None:
        self._error = error
        self.is_cut = False
        self._waiting: asyncio.Timeout | None = None

    def cut(self) -> None:
        self.is_cut = True
        if self._waiting is not None:
            self._waiting.reschedule(asyncio.get_running_loop().time())

    async def wait(self, awaited: Awaitable[_T]) -> _T:
        try:
            async with asyncio.timeout(0 if self.is_cut else None) as self._waiting:
                return await awaited
        except TimeoutError:
            if self.is_cut:
                raise self._error() from None
            raise
        finally:
            self._waiting = None
