"""The route of this process, and what it says of its engines."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from django.conf import settings

from inference.route import Route, build_route
from retrieval.client import shared_client
from retrieval.contracts import Vectors


async def embed(texts: Sequence[str]) -> Vectors:
    return await shared_client(settings.RETRIEVAL).embed(texts, bulk=False)


@lru_cache(maxsize=1)
def get_route() -> Route:
    return build_route(settings.INFERENCE, embed)
