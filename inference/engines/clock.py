"""How long an endpoint may take: for its first token, between two, and for all of an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

from inference.engine import Progress
from inference.engines.endpoint import Endpoint
from inference.errors import EngineBusy, EngineUnavailable

Result = TypeVar("Result")


async def within(awaitable: Awaitable[Result], deadline: float) -> Result:
    """Raises EngineUnavailable at the deadline, a value of time.monotonic()."""
    try:
        async with asyncio.timeout_at(asyncio.get_running_loop().time() + max(deadline - time.monotonic(), 0)):
            return await awaitable
    except TimeoutError as error:
        raise EngineUnavailable("The model did not answer in time.", detail="timeout") from error


class Clock:
    """The time for one answer, from its request on."""

    def __init__(self, endpoint: Endpoint, deadline: float) -> None:
        self._endpoint, self._deadline = endpoint, deadline
        self._limit = self._after(endpoint.first_token_timeout_s)
        self._progress: Progress | None = None
        self._written = False

    async def within(self, awaitable: Awaitable[Result]) -> Result:
        try:
            return await within(awaitable, self._limit)
        except EngineUnavailable as error:
            waits = self._progress is not None and self._progress.queue_position
            if waits and not self._written:  # one that is busy with others is not away
                raise EngineBusy(detail=f"{waits} before this one") from error
            raise

    def moved(self, progress: Progress) -> None:
        """A prompt that is read on, and a queue that moves, begin the time for the first token anew."""
        if progress != self._progress and not self._written:
            self._limit = self._after(self._endpoint.first_token_timeout_s)
        self._progress = progress

    def thought(self) -> None:
        """A model that thinks before it writes is not silent."""
        if not self._written:
            self._limit = self._after(self._endpoint.first_token_timeout_s)

    def wrote(self) -> None:
        self._written = True
        self._limit = self._after(self._endpoint.between_tokens_timeout_s)

    def _after(self, seconds: float) -> float:
        return min(self._deadline, time.monotonic() + seconds)
