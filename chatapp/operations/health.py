"""Is Footnote alive, can it answer, and which part is missing or weak."""

from __future__ import annotations

import asyncio
import hmac
import shutil
from typing import Any, Literal

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from chatapp.conversations.engines import get_route
from chatapp.operations.first_run import sample_is_loading
from chatapp.operations.heartbeat import worker_is_alive
from retrieval.client import AsyncIndexClient
from retrieval.errors import IndexUnavailable

State = Literal["ok", "weak", "missing"]
_FREE_BYTES = 1_000_000_000
_PART_S = 4.0


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """200 as soon as a question on the documents can be answered. Strangers see states; the signed-in see reasons."""
    parts = async_to_sync(_parts)()
    ready = all(parts[name][0] == "ok" for name in ("database", "index", "sample"))
    shown: dict[str, Any] = {name: {"state": state} for name, (state, _) in parts.items()}
    if request.user.is_authenticated and request.user.is_active:
        for name, (_, reason) in parts.items():
            if reason:
                shown[name]["reason"] = reason
    response = JsonResponse({"ready": ready, "parts": shown}, status=200 if ready else 503)
    response._has_been_logged = True  # type: ignore[attr-defined]  # 503 is an answer here, not an error of ours
    return response


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """For administrators, and for a scraper that knows the internal token."""
    given = request.headers.get("Authorization", "").encode()
    known = hmac.compare_digest(given, f"Bearer {settings.INTERNAL_TOKEN}".encode())
    if not known and not (request.user.is_authenticated and request.user.is_active and request.user.is_superuser):
        return JsonResponse({"error": {"code": "not_found", "message": "There is nothing here."}}, status=404)
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


async def _parts() -> dict[str, tuple[State, str]]:
    checks = {
        "database": sync_to_async(_database)(),
        "index": _index(),
        "sample": sync_to_async(_sample)(),
        "worker": sync_to_async(_worker)(),
        "model": _model(),
        "disk": sync_to_async(_disk)(),
    }
    found = await asyncio.gather(*(_bounded(check) for check in checks.values()))
    return dict(zip(checks, found, strict=True))


async def _bounded(check: Any) -> tuple[State, str]:
    try:
        found: tuple[State, str] = await asyncio.wait_for(check, _PART_S)
        return found
    except TimeoutError:
        return "missing", f"It did not answer within {_PART_S:.0f} s."


def _database() -> tuple[State, str]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "missing", "The database cannot be reached."
    return "ok", ""


async def _index() -> tuple[State, str]:
    client = AsyncIndexClient(settings.RETRIEVAL)
    try:
        status = await client.status()
    except IndexUnavailable as error:
        return "missing", error.user_message
    finally:
        await client.close()
    if not status.ready:
        return "missing", "The document index is still loading."
    return "ok", "; ".join(status.problems)


def _sample() -> tuple[State, str]:
    """A first start is over when the sample can be asked; later, whatever became of the sample, this is well."""
    try:
        loading = sample_is_loading()
    except DatabaseError:
        loading = False
    return ("missing", "The sample collection is loading.") if loading else ("ok", "")


def _worker() -> tuple[State, str]:
    try:
        alive = worker_is_alive()
    except DatabaseError:
        alive = False
    return ("ok", "") if alive else ("missing", "No worker takes new documents at the moment.")


async def _model() -> tuple[State, str]:
    answering = next((e for e in await get_route().describe() if not e.problem), None)
    if answering is None or answering.name == "extractive":
        return "weak", "No model: answers are quotations. Add one with `manage.py models`."
    return "ok", ""


def _disk() -> tuple[State, str]:
    settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.VAR_DIR).free
    return ("ok", "") if free > _FREE_BYTES else ("weak", f"{free / 1e9:.1f} GB of disk are left.")
