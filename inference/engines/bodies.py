"""Bodies of endpoints, which may send anything, of any size: server-sent events, and what stands in a refusal."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import structlog

from inference.engines.clock import Clock, within
from inference.errors import EngineUnavailable

log = structlog.get_logger(__name__)

_LINE_BYTES = 1_000_000
_STREAM_BYTES = 64_000_000
_REFUSAL_BYTES = 16_000
_MOST_TOKENS = 1_000_000_000
NOT_AN_ANSWER = "The model sent something that is not an answer."
BROKE_OFF = "The model broke off."


async def event_data(response: httpx.Response, clock: Clock) -> AsyncGenerator[str, None]:
    """The data of each event. Every API that is read here keeps it on one line and repeats the event's name in it.

    Raises EngineUnavailable for silence, a line or a stream without end, and a connection that breaks.
    """
    rest, total = bytearray(), 0
    chunks = response.aiter_raw()
    try:
        while chunk := await clock.within(anext(chunks, b"")):
            total += len(chunk)
            *lines, last = chunk.split(b"\n")
            for line in lines:
                rest += line
                if rest.startswith(b"data:"):
                    yield rest[5:].decode("utf-8", "replace").strip()
                rest.clear()
            rest += last
            if len(rest) > _LINE_BYTES or total > _STREAM_BYTES:
                raise EngineUnavailable(NOT_AN_ANSWER, detail=f"{len(rest)} bytes without a line end, {total} in all")
    except httpx.HTTPError as error:
        raise EngineUnavailable(BROKE_OFF, detail=f"{type(error).__name__}: {error}") from error
    if rest.startswith(b"data:"):
        yield rest[5:].decode("utf-8", "replace").strip()


async def read_refusal(response: httpx.Response, deadline: float) -> str:
    """The beginning of a body, as far as it comes."""
    body = bytearray()
    chunks = response.aiter_raw()
    try:
        while len(body) < _REFUSAL_BYTES and (chunk := await within(anext(chunks, b""), deadline)):
            body += chunk
    except (httpx.HTTPError, EngineUnavailable) as error:
        log.info("endpoint.refusal_cut", reason=f"{type(error).__name__}: {error}")  # the status says enough
    return body[:_REFUSAL_BYTES].decode("utf-8", "replace")


def parse_object(text: str) -> dict[str, Any]:
    """Raises EngineUnavailable."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EngineUnavailable(NOT_AN_ANSWER, detail=text[:200]) from error
    if not isinstance(found, dict):
        raise EngineUnavailable(NOT_AN_ANSWER, detail=text[:200])
    return found


def text_in(found: dict[str, Any], name: str) -> str:
    """What may be shown and kept: no half characters, no zero bytes. Raises TypeError for what is not a text."""
    text = found.get(name)
    if text is None:
        return ""
    if not isinstance(text, str):
        raise TypeError(f"{name} is not a text: {str(text)[:100]}")
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def count_in(found: object, name: str) -> int:
    """A number of tokens; 0 where there is none that makes sense."""
    count = found.get(name) if isinstance(found, dict) else None
    return count if isinstance(count, int) and 0 <= count < _MOST_TOKENS else 0
