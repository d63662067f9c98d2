"""Requests to JSON doors, and of keys, count; pages and files do not. /v1/ counts for itself, many in one call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve

from chatapp.accounts.scopes import grant_of
from chatapp.accounts.signed_in import OPEN_PREFIXES
from chatapp.errors import answer_to
from chatapp.limits.buckets import Level
from chatapp.limits.headers import describe
from chatapp.limits.models import Resource
from chatapp.limits.services import Asked, LimitReached, atake, take

COUNTED = "/api/"
_UPLOADS = frozenset({"collection_documents", "attachments", "conversation_attachments"})


class LimitsMiddleware:
    """After SignedInMiddleware: who asks is known, and is somebody."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self._in_loop = iscoroutinefunction(get_response)
        if self._in_loop:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._in_loop:
            return self._answer(request)
        asked = _asked(request)
        try:
            levels = take(asked) if asked else ()
        except LimitReached as error:
            return _refused(request, error)
        return _with_headers(self.get_response(request), levels)

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        asked = _asked(request)
        try:
            levels = await atake(asked) if asked else ()
        except LimitReached as error:
            return _refused(request, error)
        return _with_headers(await self.get_response(request), levels)


def _asked(request: Any) -> Asked | None:
    """None: it does not count."""
    if request.path.startswith(OPEN_PREFIXES):  # nobody was looked up: health needs no database
        return None
    if not request.path.startswith(COUNTED) and grant_of(request.user) is None:
        return None
    if not request.user.is_authenticated:
        return None
    if request.method == "POST" and _door(request) in _UPLOADS:
        return Asked(request.user, ((Resource.REQUESTS, 1), (Resource.UPLOADS, 1)))
    return Asked(request.user)


def _door(request: HttpRequest) -> str | None:
    try:
        return resolve(request.path_info).url_name
    except Resolver404:
        return None


def _refused(request: HttpRequest, error: LimitReached) -> HttpResponseBase:
    return _with_headers(answer_to(request, error), error.levels)


def _with_headers(response: HttpResponseBase, levels: tuple[Level, ...]) -> HttpResponseBase:
    describe(response.headers, levels)
    return response
