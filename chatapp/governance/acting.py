"""Who acts, for what is recorded below the doors: by the request that is being answered, or the command that runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import ContextVar, Token
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase

_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)


class ActingMiddleware:
    """Inside those that tell who somebody is."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if iscoroutinefunction(self.get_response):
            return self._awaited(request)
        token = _request.set(request)
        try:
            response: HttpResponseBase = self.get_response(request)
            return response
        finally:
            _request.reset(token)

    async def _awaited(self, request: HttpRequest) -> HttpResponseBase:
        token: Token[HttpRequest | None] = _request.set(request)
        try:
            response: HttpResponseBase = await self.get_response(request)
            return response
        finally:
            _request.reset(token)


def is_a_request() -> bool:
    return _request.get() is not None


def person() -> AbstractBaseUser | None:
    """Whoever is signed in to the request; None also where nobody is."""
    user = getattr(_request.get(), "user", None)
    return user if isinstance(user, AbstractBaseUser) else None
