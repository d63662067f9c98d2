"""The state of each part as an administrator sees it: with what is to be done where one is away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import redis
import structlog
from asgiref.sync import async_to_sync
from django.conf import settings

from chatapp.conversations.engines import engine_label, get_router
from chatapp.operations import health, model_services
from inference.engines.extractive import ExtractiveEngine
from inference.routing.describing import EngineStatus

log = structlog.get_logger(__name__)

_WAIT_S = 4.0
_REDIS_S = 1.0
_NAMES = {
    "database": "Database",
    "index": "Document index",
    "sample": "Sample collection",
    "worker": "Worker",
    "model": "Models",
    "disk": "Disk",
}
_ADVICE = {
    "database": "Look at Postgres and its log, and at DATABASE_URL.",
    "index": "Look into log/index.log. It loads by itself once the database is there.",
    "sample": "Wait: it is done within three minutes.",
    "worker": "Look into log/worker.log, and at the broker. Questions are answered meanwhile; new documents wait.",
    "model": "Add a model with `manage.py models pull`, or name an endpoint.",
    "disk": "Make room in the state folder.",
}
_MODEL_SERVICE = "Look into log/model.log. Other engines of the route answer meanwhile, or quotations."
_REDIS = "Look at Redis and its log, and at REDIS_URL. Turns wait for it a moment, then end."


@dataclass(frozen=True, slots=True)
class Shown:
    """`advice` is '' where the part is well."""

    name: str
    state: health.State
    reason: str = ""
    advice: str = ""


def everything() -> list[Shown]:
    """In at most some eleven seconds, whatever is away: what needs no database is asked beside the rest."""
    with ThreadPoolExecutor(max_workers=2, thread_name_prefix="state") as threads:
        services, store = threads.submit(_model_services), threads.submit(_redis)
        parts = list(_parts())
        engines = _engines()
        return [*parts, *services.result(), store.result(), *engines]


def _parts() -> Iterator[Shown]:
    for name, part in health.check().items():
        yield Shown(
            _NAMES.get(name, name), part.state, part.reason, "" if part.state == "ok" else _ADVICE.get(name, "")
        )


def _model_services() -> list[Shown]:
    found = model_services.services()
    names = [f"Model service {number}" if len(found) > 1 else "Model service" for number in range(1, len(found) + 1)]
    return [
        Shown(name, "weak", one.problem, _MODEL_SERVICE) if one.problem else Shown(name, "ok")
        for name, one in zip(names, found, strict=True)
    ]


def _redis() -> Shown:
    if not settings.REDIS_URL:
        return Shown("Redis", "ok", "It is not used: one machine does without it.")
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=_REDIS_S, socket_connect_timeout=_REDIS_S)
    try:
        client.ping()
    except redis.RedisError as error:
        log.warning("redis.away", reason=type(error).__name__)
        return Shown("Redis", "missing", "It cannot be reached.", _REDIS)
    finally:
        client.close()
    return Shown("Redis", "ok")


def _engines() -> list[Shown]:
    try:
        found = async_to_sync(_described)()
    except TimeoutError:
        return [Shown("Engines", "weak", f"They did not say within {_WAIT_S:.0f} s whether they can answer.", _SILENT)]
    return [_engine(one) for one in found if one.name != ExtractiveEngine.name]


_SILENT = "Load the page again in a moment. The log of the web process names failures of engines."


async def _described() -> list[EngineStatus]:
    async with asyncio.timeout(_WAIT_S):
        return await get_router().describe(administrator=True)


def _engine(one: EngineStatus) -> Shown:
    name = f"Engine {engine_label(one.name)}"
    if one.problem:
        return Shown(name, "weak", one.problem, one.advice)
    return Shown(name, "ok", f"It is asked {one.meant_for}." if one.meant_for else "")
