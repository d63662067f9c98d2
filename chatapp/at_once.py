"""How many requests one process works on at once: what is over it is refused before anything is done for it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from allauth.core.internal.ratelimit import truncate_ip
from django.conf import settings

from chatapp.bodies import has_body
from chatapp.errors import ChatAppError, refuse

log = structlog.get_logger(__name__)

Application = Callable[..., Awaitable[None]]

_DOORS = frozenset({"/healthz", "/readyz", "/metrics"})  # whoever watches learns most where others are refused
_OF_DOORS, _OF_DOORS_EACH = 50, 10
_TOLD_S = 10.0  # between two lines of the log


class TooManyRequests(ChatAppError):
    code, http_status, retryable = "busy", 503, True
    user_message = "Footnote works on as many requests as it can."
    advice = "Try again in a moment."


class Places:
    """`most` in all; of one address (of IPv6 one network) a part of them, so that nobody alone takes all."""

    def __init__(self, most: int, of_address: int) -> None:
        self._most, self._of_address = most, of_address
        self._taken: Counter[str] = Counter()
        self.taken = 0

    def take(self, address: str) -> bool:
        if self.taken >= self._most or self._taken[address] >= self._of_address:
            return False
        self.taken += 1
        self._taken[address] += 1
        return True

    def leave(self, address: str) -> None:
        self.taken -= 1
        self._taken[address] -= 1
        if not self._taken[address]:
            del self._taken[address]


class AtOnce:
    """Around everything that answers over HTTP. Sockets and the answers that are written have bounds of their own."""

    def __init__(self, application: Application) -> None:
        self._application = application
        most = settings.REQUESTS_PER_PROCESS
        self._places, self._doors = Places(most, max(1, most // 2)), Places(_OF_DOORS, _OF_DOORS_EACH)
        self._refused, self._told_at = 0, float("-inf")

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        places = self._doors if _watches(scope) else self._places
        address = truncate_ip((scope.get("client") or ("",))[0])
        if not places.take(address):
            self._tell()
            return await refuse(scope, send, TooManyRequests())
        try:
            await self._application(scope, receive, send)
        finally:
            places.leave(address)

    def _tell(self) -> None:
        self._refused += 1
        if (now := time.monotonic()) - self._told_at >= _TOLD_S:
            log.warning("requests.too_many", refused=self._refused, at_work=self._places.taken)
            self._refused, self._told_at = 0, now


def _watches(scope: dict[str, Any]) -> bool:
    """What brings a body takes a place like any other: it could hold one for as long as it arrives."""
    return scope["path"] in _DOORS and scope["method"] in ("GET", "HEAD") and not has_body(dict(scope["headers"]))
