"""A body that does not come holds nothing for long, and bodies that come together are bounded."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from chatapp import bodies


async def _answer(application: Any, *, bodies: int = 0) -> tuple[int, str]:
    """-> status and code of a request whose body stops after so many bytes."""
    sent: list[dict[str, Any]] = []
    parts = [{"type": "http.request", "body": b"x" * bodies, "more_body": True}]

    async def receive() -> dict[str, Any]:
        return parts.pop() if parts else await asyncio.sleep(10, {"type": "http.disconnect"})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"method": "POST", "path": "/", "headers": [(b"content-length", b"60000")]}
    await application(scope, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])["error"]["code"]


async def _reads(scope: dict[str, Any], receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass


async def test_a_body_that_comes_too_slowly_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "GRACE_S", 0.1)
    begun = time.monotonic()
    assert await _answer(bodies.BodyLimit(_reads), bodies=800) == (408, "too_slow")
    assert 0.1 < time.monotonic() - begun < 5


async def test_more_bodies_at_once_than_are_allowed_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "GRACE_S", 0.3)
    monkeypatch.setattr(bodies, "MOST_ARRIVING", 2)
    limit = bodies.BodyLimit(_reads)
    found = await asyncio.gather(*(_answer(limit) for _ in range(3)))
    assert sorted(found) == [(408, "too_slow"), (408, "too_slow"), (503, "busy")]
    assert await _answer(limit) == (408, "too_slow"), "their places are free again"
