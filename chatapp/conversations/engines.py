"""The router of this process, and what it says of its engines."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from django.conf import settings

from chatapp.conversations.outcomes import recorder
from chatapp.database import in_database
from inference.engines.extractive import ExtractiveEngine
from inference.routing.pool import EnginePool
from inference.routing.router import Router
from inference.routing.stored import StoredRoutes
from retrieval.contracts import Vectors
from retrieval.service.client import shared_client

_LABELS = {
    "local": "%(name)s (on this server)",
    "house": "%(name)s (in this house)",
    "api": "%(name)s (over an API)",
}


def is_quoting(engine: str) -> bool:
    return engine == ExtractiveEngine.name


def engine_label(engine: str) -> str:
    """As on the page (static/js/engines.js), which knows the same kinds of names."""
    if is_quoting(engine):
        return "quotations, without a model"
    kind, _, name = engine.partition(":")
    label = _LABELS.get(kind)
    return label % {"name": name.strip() or "a model"} if label else engine


async def embed(texts: Sequence[str]) -> Vectors:
    return await shared_client(settings.RETRIEVAL).embed(texts, bulk=False)


@lru_cache(maxsize=1)
def get_router() -> Router:
    return Router(StoredRoutes(EnginePool(settings.INFERENCE, embed), in_database), recorder().observe)
