"""What the router of the web process would do, for the pages that say it."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING

from asgiref.sync import async_to_sync

from inference import seams
from inference.engine import Generation
from inference.errors import InferenceError

if TYPE_CHECKING:
    from inference.routing.router import Explained

_PATIENCE_S = 5.0  # an engine that does not answer does not hold up a page

_FRESH_S = 2.0

_told: tuple[float, dict[str, str]] = (float("-inf"), {})


class NotToldInTime(InferenceError):
    code, http_status, retryable = "engines_silent", 503, True
    user_message = "The engines did not say in time whether they can answer."
    advice = "Load the page again in a moment."


def explain(asked: Generation) -> list[Explained]:
    """Raises UnknownRoute, NotToldInTime."""

    async def ask() -> list[Explained]:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await seams.router.given().explain(asked)
        except TimeoutError:
            raise NotToldInTime from None

    return async_to_sync(ask)()


def problems() -> dict[str, str]:
    """By the name of the engine; '' for one that can answer. Those that no route names are not asked. A list asks
    once, not for each of its lines.
    """
    global _told
    if monotonic() - _told[0] > _FRESH_S:
        _told = (monotonic(), _ask_all())
    return _told[1]


def _ask_all() -> dict[str, str]:

    async def ask() -> dict[str, str]:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return {one.name: one.problem for one in await seams.router.given().describe(administrator=True)}
        except TimeoutError:
            return {}

    return async_to_sync(ask)()
