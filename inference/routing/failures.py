"""The failures of one engine in the log: each kind at once, then once a minute with its number."""

from __future__ import annotations

import time
from dataclasses import dataclass

import structlog

from inference.errors import InferenceError

log = structlog.get_logger(__name__)

_EVERY_S = 60.0
_KINDS = 20


@dataclass
class _Kind:
    logged_at: float
    since: int = 0  # failures that no line has told of


class FailureLog:
    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str], _Kind] = {}

    def log(self, engine: str, error: InferenceError, *, shown: int) -> None:
        """`shown`: characters of the answer that people have seen. No word of the question or the answer is logged."""
        now, key = time.monotonic(), (error.code, error.reason)
        kind = self._kinds.get(key)
        if kind is not None and now - kind.logged_at < _EVERY_S:
            kind.since += 1
            return
        times = 1 + (kind.since if kind else 0)
        log.warning("route.failover", engine=engine, code=error.code, reason=error.reason, shown=shown, times=times)
        self._kinds.pop(key, None)
        self._kinds[key] = _Kind(now)
        while len(self._kinds) > _KINDS:
            del self._kinds[next(iter(self._kinds))]
