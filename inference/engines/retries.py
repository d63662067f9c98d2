"""When an endpoint is asked again, and when the question goes to the next engine instead."""

from __future__ import annotations

import asyncio
import random
import time

import structlog

from inference.engines.endpoint import Endpoint
from inference.engines.rate_limits import RateLimits
from inference.errors import EngineBusy, InferenceError

log = structlog.get_logger(__name__)

_MOST_WAIT_S = 20.0  # whoever is told to wait longer asks the next engine


class Retries:
    """Of one answer."""

    def __init__(self, endpoint: Endpoint, limits: RateLimits, deadline: float) -> None:
        self._left, self._attempt = endpoint.retries, 0
        self._limits, self._deadline = limits, deadline

    async def keep_to_limits(self) -> None:
        """Waits until the endpoint may be asked. Raises EngineBusy at once where that takes long."""
        while (wait := self._limits.wait_s()) > 0:
            if not self._worth(wait):
                raise EngineBusy(detail=f"its rate limit lasts {wait:.1f} s more", retry_after_s=wait)
            await asyncio.sleep(wait * random.uniform(1.0, 1.1))  # noqa: S311 - those who wait do not all come at once

    async def wait_after(self, error: InferenceError, engine: str) -> None:
        """Raises the error where trying again is no use, or takes too long."""
        held = self._limits.wait_s()
        if error.retry_after_s is None and held:
            error.retry_after_s = held
        wait = self._wait(error)
        if not self._left or not error.retryable or not self._worth(max(wait, held)):
            raise error
        self._left -= 1
        self._attempt += 1
        log.info("engine.retry", engine=engine, attempt=self._attempt, wait_s=round(wait, 2), reason=error.reason)
        await asyncio.sleep(wait)

    def _worth(self, wait: float) -> bool:
        return wait <= _MOST_WAIT_S and time.monotonic() + wait < self._deadline

    def _wait(self, error: InferenceError) -> float:
        """What the endpoint asks for, else exponential backoff with jitter."""
        if error.retry_after_s is not None:
            return error.retry_after_s
        return min(0.5 * 2**self._attempt, 8.0) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
