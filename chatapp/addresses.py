"""What no address of ours holds: Postgres refuses zero bytes, wherever a page would look for one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from chatapp.errors import Invalid, answer_to


class AddressMiddleware:
    """Refuses them before any view, page of the administration or JSON door reads its query."""

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
        error = _fault(request)
        response: HttpResponseBase = answer_to(request, error) if error else self.get_response(request)
        return response

    async def _answer(self, request: HttpRequest) -> HttpResponseBase:
        error = _fault(request)
        response: HttpResponseBase = answer_to(request, error) if error else await self.get_response(request)
        return response


def _fault(request: HttpRequest) -> Invalid | None:
    if "\0" in request.path:
        return Invalid("The address holds a zero byte.")
    for name, values in request.GET.lists():
        if "\0" in name or any("\0" in value for value in values):
            return Invalid(f"{name!r:.50} in the address holds a zero byte.")
    return None
