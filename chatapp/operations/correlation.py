"""One id for a request, from the browser to the engine, in every log line and in the X-Request-ID header."""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{1,64}")


@sync_and_async_middleware
def CorrelationMiddleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    from asgiref.sync import iscoroutinefunction

    def begin(request: HttpRequest) -> str:
        given = request.headers.get("X-Request-ID", "")
        request_id = given if _WELL_FORMED.fullmatch(given) else uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        return request_id

    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponseBase:
            request_id = begin(request)
            response: HttpResponseBase = await get_response(request)
            response.headers["X-Request-ID"] = request_id
            return response

        return middleware

    def sync_middleware(request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        request_id = begin(request)
        response: HttpResponseBase = get_response(request)
        response.headers["X-Request-ID"] = request_id
        return response

    return sync_middleware
