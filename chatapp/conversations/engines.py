"""The route of this process, and what it says of its engines."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from django.conf import settings

from inference.engines.extractive import ExtractiveEngine
from inference.route import Route, build_route
from retrieval.client import shared_client
from retrieval.contracts import Vectors


def engine_label(engine: str) -> str:
    """As on the page (static/js/engines.js): "local: NAME" and "api: NAME" are how engines are called on the wire."""
    if engine == ExtractiveEngine.name:
        return "quotations, without a model"
    kind, _, name = engine.partition(":")
    where = {"local": "on this server", "api": "over an API"}.get(kind)
    return f"{name.strip() or 'a model'} ({where})" if where else engine


async def embed(texts: Sequence[str]) -> Vectors:
    return await shared_client(settings.RETRIEVAL).embed(texts, bulk=False)


@lru_cache(maxsize=1)
def get_route() -> Route:
    return build_route(settings.INFERENCE, embed)
