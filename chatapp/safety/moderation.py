"""A moderation endpoint in the form of OpenAI's, as a further opinion on questions."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import httpx
from django.conf import settings

from chatapp.safety.models import What

_MOST_CHARACTERS = 20_000  # of a text; of longer ones the beginning and the end
_MOST_BYTES = 200_000  # of an answer
# What their categories are to us, by how the names begin.
_CATEGORIES = {
    "hate": What.TOXICITY,
    "harassment": What.TOXICITY,
    "sexual": What.TOXICITY,
    "violence": What.TOXICITY,
    "self-harm": What.SELF_HARM,
    "illicit": What.HARMFUL,
}


KINDS = frozenset(str(one) for one in _CATEGORIES.values())


class ModerationAway(Exception):
    """It did not answer in time, or not in its form."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    url: str
    key: str
    model: str
    seconds: float

    async def kinds_of(self, text: str) -> frozenset[str]:
        """Raises ModerationAway."""
        body = {"input": _shortened(text), **({"model": self.model} if self.model else {})}
        headers = {"Accept-Encoding": "identity", **({"Authorization": f"Bearer {self.key}"} if self.key else {})}
        try:
            async with (
                asyncio.timeout(self.seconds),
                httpx.AsyncClient(timeout=self.seconds) as client,
                client.stream("POST", self.url, json=body, headers=headers) as response,
            ):
                raw = await _read(response)
            return _kinds(json.loads(raw))
        except (httpx.HTTPError, TimeoutError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise ModerationAway(type(error).__name__) from error


def endpoint() -> Endpoint | None:
    """None: the house has none."""
    url = settings.MODERATION_URL
    return (
        Endpoint(url, settings.MODERATION_KEY, settings.MODERATION_MODEL, settings.MODERATION_SECONDS) if url else None
    )


async def _read(response: httpx.Response) -> bytes:
    response.raise_for_status()
    raw = b""
    async for part in response.aiter_bytes():
        raw += part
        if len(raw) > _MOST_BYTES:
            raise ValueError("longer than any judgement")
    return raw


def _kinds(said: dict[str, Any]) -> frozenset[str]:
    """Of all results; categories that we do not know are of no kind."""
    flagged = {name for one in said["results"] for name, is_so in one["categories"].items() if is_so is True}
    return frozenset(
        str(kind) for begin, kind in _CATEGORIES.items() if any(name.startswith(begin) for name in flagged)
    )


def _shortened(text: str) -> str:
    half = _MOST_CHARACTERS // 2
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:half]}\n{text[-half:]}"
