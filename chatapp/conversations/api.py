"""Conversations over HTTP."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from asgiref.sync import async_to_sync
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_GET, require_http_methods

from chatapp import access
from chatapp.accounts.models import User
from chatapp.attachments.answers import attachments
from chatapp.attachments.services import files_in
from chatapp.conversations import answers, keeping, search, services
from chatapp.conversations.engines import get_router
from chatapp.conversations.keeping_api import changes_in
from chatapp.conversations.models import MOST_PINNED, Conversation, Message
from chatapp.conversations.why import explanation
from chatapp.errors import Invalid, NotFound
from chatapp.json_body import read_object
from inference.routing.describing import answering

_PAGE, _MOST = 50, 200
_FOUND = 20
# One to which a file was attached, and in which nothing was asked yet, is no conversation to come back to.
_BEGUN = Q(attached=None) | Exists(Message.objects.filter(conversation=OuterRef("pk")))


@require_GET
def conversations(request: HttpRequest) -> JsonResponse:
    """Pinned ones come apart, with the first page; archived ones where they are asked for."""
    user = cast(User, request.user)
    rows = _listed(user, request).filter(_BEGUN, temporary=False)
    archived = request.GET.get("archived") == "1"
    before = request.GET.get("before")
    pinned = [] if archived or before else rows.filter(pinned=True)[:MOST_PINNED]
    if not archived:
        rows = rows.filter(pinned=False)
    if before:
        rows = rows.filter(updated_at__lt=_moment(before))
    limit = _limit(request.GET.get("limit", str(_PAGE)))
    found = list(rows[: limit + 1])
    shown = found[:limit]
    more = shown[-1].updated_at.isoformat() if len(found) > limit else None
    above = {} if before else {"pinned": [answers.conversation(row) for row in pinned]}
    return JsonResponse({"conversations": [answers.conversation(row) for row in shown], "next": more} | above)


def _listed(user: User, request: HttpRequest) -> QuerySet[Conversation]:
    archived, folder = request.GET.get("archived", "0"), request.GET.get("folder")
    if archived not in ("0", "1"):
        raise Invalid("`archived` must be 0 or 1.")
    rows = access.conversations(user).filter(archived=archived == "1")
    return rows.filter(folder=access.get_folder(user, folder)) if folder else rows


@require_GET
def found(request: HttpRequest) -> JsonResponse:
    user = cast(User, request.user)
    if not user.is_authenticated:
        raise NotFound
    limit = _limit(request.GET.get("limit", str(_FOUND)), search.MOST_RESULTS)
    hits = search.find(user, request.GET.get("q", ""), limit)
    return JsonResponse({"results": answers.hits(user, hits)})


@require_http_methods(["GET", "PATCH", "DELETE"])
def conversation(request: HttpRequest, pk: UUID) -> HttpResponse:
    user = cast(User, request.user)
    row = access.get_conversation(user, pk)
    if request.method == "DELETE":
        services.delete_conversation(conversation=row)
        return HttpResponse(status=204)
    if request.method == "PATCH":
        _change(user, row, read_object(request))
        return JsonResponse(answers.conversation(access.get_conversation(user, pk)))
    messages = row.messages.prefetch_related("citations")
    running = [
        {key: one[key] for key in ("turn", "answer", "from")}
        for one in answers.running(user)
        if one["conversation"] == str(row.pk)
    ]
    told = {"messages": answers.messages(user, messages), "running": running}
    if user.grant is None and (files := files_in(row)):
        told["attachments"] = attachments(files)
    return JsonResponse(answers.conversation(row) | told)


@transaction.atomic
def _change(user: User, row: Conversation, body: dict[str, Any]) -> None:
    """A name, and how it is kept."""
    title = body.get("title")
    if ("title" in body or not body) and not isinstance(title, str):
        raise Invalid("`title` must be a string.")
    if set(body) != {"title"}:  # first: it locks the person before the conversation, see keeping.py
        _keep(user, row, body)
    if title is not None:
        services.rename_conversation(conversation=row, title=title)


def _keep(user: User, row: Conversation, body: dict[str, Any]) -> None:
    changes = changes_in(user, body)
    if row.temporary:
        raise Invalid("A temporary chat is neither pinned, archived nor put into a folder.")
    if not keeping.keep(user, [row.pk], changes):
        raise NotFound


@require_GET
def why(request: HttpRequest, pk: UUID) -> JsonResponse:
    user = cast(User, request.user)
    return JsonResponse(explanation(user, access.get_message(user, pk)))


@require_GET
def engines(request: HttpRequest) -> JsonResponse:
    user = cast(User, request.user)
    found = async_to_sync(get_router().describe)(administrator=user.is_superuser)
    first = answering(found)
    rows = [asdict(one) | {"now": one in first} for one in found]
    return JsonResponse({"engines": rows, "answering": first[0].name if first else ""})


def _moment(text: str) -> datetime:
    try:
        found = parse_datetime(text)
        moment = found.astimezone(UTC) if found is not None and found.tzinfo is not None else None
    except (ValueError, OverflowError):  # the calendar has no such moment, or it lies before the year 1 in UTC
        moment = None
    if moment is None:
        raise Invalid("`before` must be a moment like 2026-01-31T12:00:00+00:00.")
    return moment


def _limit(text: str, most: int = _MOST) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= most:
        raise Invalid(f"`limit` must be a whole number from 1 to {most}.")
    return int(text)
