"""Is Footnote alive, can it answer, and which part is missing or weak."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from chatapp.accounts.signed_in import knows_internal_token
from chatapp.conversations.engines import get_router
from chatapp.documents.metrics import refresh
from chatapp.operations.first_run import sample_is_loading
from chatapp.operations.heartbeat import worker_is_alive
from chatapp.settings import database_dsn
from inference.engines.extractive import ExtractiveEngine
from inference.engines.local import NO_MODEL as NO_LOCAL_MODEL
from inference.routing.describing import answering
from retrieval.errors import IndexUnavailable
from retrieval.service.client import AsyncIndexClient
from retrieval.versions.current import serving
from retrieval.versions.progress import in_the_works, in_words

State = Literal["ok", "weak", "missing"]
NEEDED = ("database", "index", "sample")  # without one of these no question on the documents is answered
NO_MODEL = "No model: answers are quotations. Add one with `manage.py models`."
_FREE_BYTES = 1_000_000_000
_PART_S = 4.0
_CONNECT_S = 3


@dataclass(frozen=True, slots=True)
class Part:
    state: State
    reason: str = ""

    def shown(self, reasons: bool) -> dict[str, str]:
        return {"state": self.state, **({"reason": self.reason} if reasons and self.reason else {})}


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """200 as soon as a question on the documents can be answered. Strangers see states; the signed-in see reasons."""
    parts = check()
    ready = all(parts[name].state == "ok" for name in NEEDED)
    reasons = parts["database"].state == "ok" and request.user.is_authenticated and request.user.is_active
    shown = {name: part.shown(reasons) for name, part in parts.items()}
    response = JsonResponse({"ready": ready, "parts": shown}, status=200 if ready else 503)
    response._has_been_logged = True  # type: ignore[attr-defined]  # 503 is an answer here, not an error of ours
    return response


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """For administrators, and for a scraper that knows the internal token."""
    known = knows_internal_token(request)
    if not known and not (request.user.is_authenticated and request.user.is_active and request.user.is_superuser):
        return JsonResponse({"error": {"code": "not_found", "message": "There is nothing here."}}, status=404)
    refresh()
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def check() -> dict[str, Part]:
    """Every part, in at most a few seconds, whatever is away."""
    database = _database()
    away = Part("missing", "The database cannot be reached.")
    stored = {"sample": _sample, "worker": _worker}
    found = {name: one() if database.state == "ok" else away for name, one in stored.items()}
    index, model = async_to_sync(_services)()
    if database.state == "ok":
        index = Part(index.state, " ".join(filter(None, [index.reason, *_versions()])))
    return {"database": database, "index": index, **found, "model": model, "disk": _disk()}


async def _services() -> tuple[Part, Part]:
    return await asyncio.gather(_bounded(_index(), "missing"), _bounded(_model(), "weak"))


async def _bounded(part: Coroutine[Any, Any, Part], otherwise: State) -> Part:
    try:
        return await asyncio.wait_for(part, _PART_S)
    except TimeoutError:
        return Part(otherwise, f"It did not answer within {_PART_S:.0f} s.")


def _database() -> Part:
    """By a connection of its own: the pool would wait longer before it gives up."""
    try:
        psycopg.connect(database_dsn(), connect_timeout=_CONNECT_S).close()
    except psycopg.OperationalError:
        return Part("missing", "The database cannot be reached.")
    return Part("ok")


async def _index() -> Part:
    client = AsyncIndexClient(settings.RETRIEVAL)
    try:
        status = await client.status()
    except IndexUnavailable as error:
        return Part("missing", error.user_message)
    finally:
        await client.close()
    if not status.ready:
        return Part("missing", "; ".join(["The document index is still loading.", *status.problems]))
    return Part("ok", "; ".join(status.problems))


def _versions() -> list[str]:
    """What is to be known of index versions."""
    try:
        now, building = serving(), in_the_works()
    except DatabaseError:
        return []
    wanted = settings.RETRIEVAL.embedding_model
    said = [f"Version {one.version.pk}: {in_words(one)}." for one in building]
    if now.id is not None and now.embedding_model != wanted:
        said.append(f"It embeds with {now.embedding_model}, the settings name {wanted}: `manage.py reindex`.")
    return said


def _sample() -> Part:
    """A first start is over when the sample can be asked; later, whatever became of the sample, this is well."""
    try:
        loading = sample_is_loading()
    except DatabaseError:
        loading = False
    return Part("missing", "The sample collection is loading.") if loading else Part("ok")


def _worker() -> Part:
    try:
        alive = worker_is_alive()
    except DatabaseError:
        alive = False
    return Part("ok") if alive else Part("missing", "No worker takes new documents at the moment.")


async def _model() -> Part:
    """A model that is asked for some questions or people only leaves the others to the quotations."""
    found = await get_router().describe()
    if any(one.name != ExtractiveEngine.name for one in answering(found)):
        return Part("ok")
    if any(not (one.problem or one.elsewhere) and one.name != ExtractiveEngine.name for one in found):
        return Part("weak", "Models are there for some questions or people only: other answers are quotations.")
    if any(one.problem not in ("", NO_LOCAL_MODEL) and not one.elsewhere for one in found):
        return Part("weak", "No model can answer at the moment: answers are quotations.")
    return Part("weak", NO_MODEL)


def _disk() -> Part:
    settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.VAR_DIR).free
    return Part("ok") if free > _FREE_BYTES else Part("weak", f"{free / 1e9:.1f} GB of disk are left.")
