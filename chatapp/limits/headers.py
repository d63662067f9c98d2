"""How much is left, in headers: draft-ietf-httpapi-ratelimit-headers-10, and OpenAI's under /v1/."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from chatapp.limits.buckets import Level
from chatapp.limits.models import Resource

_OPENAI = {Resource.REQUESTS: "requests", Resource.TOKENS: "tokens"}


def describe(headers: Any, levels: Sequence[Level], *, as_openai: bool = False) -> None:
    """Of each resource the bucket with the smallest share left: that is the one that will refuse."""
    tightest = _tightest(levels)
    if not tightest:
        return
    headers["RateLimit-Policy"] = ", ".join(
        f'"{one.bucket.resource}";q={one.bucket.amount};w={one.bucket.seconds}' for one in tightest
    )
    headers["RateLimit"] = ", ".join(
        f'"{one.bucket.resource}";r={one.remaining};t={math.ceil(one.backlog_s)}' for one in tightest
    )
    for one in tightest if as_openai else ():
        if name := _OPENAI.get(Resource(one.bucket.resource)):
            headers[f"x-ratelimit-limit-{name}"] = str(one.bucket.amount)
            headers[f"x-ratelimit-remaining-{name}"] = str(one.remaining)
            headers[f"x-ratelimit-reset-{name}"] = _span(one.backlog_s)


def _tightest(levels: Sequence[Level]) -> list[Level]:
    found: dict[str, Level] = {}
    for level in levels:
        other = found.get(level.bucket.resource)
        if other is None or _share(level) < _share(other):
            found[level.bucket.resource] = level
    return list(found.values())


def _share(level: Level) -> float:
    return level.remaining / level.bucket.amount


def _span(seconds: float) -> str:
    """As OpenAI writes it: 12ms, 6.2s, 1m30s."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms"
    minutes, rest = divmod(math.ceil(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
