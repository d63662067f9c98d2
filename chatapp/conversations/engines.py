"""The route of this process, and what it says of its engines."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from django.conf import settings

from inference.route import Route, build_route
from retrieval.client import AsyncIndexClient
from retrieval.contracts import Vectors


async def embed(texts: Sequence[str]) -> Vectors:
    client = AsyncIndexClient(settings.RETRIEVAL)
    try:
        return await client.embed(texts, bulk=False)
    finally:
        await client.close()


@lru_cache(maxsize=1)
def get_route() -> Route:
    return build_route(settings.INFERENCE, embed)
