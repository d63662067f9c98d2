"""Errors of the doors, and the one place that turns any typed error into a page or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.defaults import bad_request, page_not_found, server_error

from chatapp.content_security import POLICY
from chatapp.openai import errors as openai_errors
from chatapp.retry_after import retry_after
from chatapp.scim import shapes as scim
from inference.errors import InferenceError
from retrieval.errors import RetrievalError
from retrieval.outages import outage_behind

log = structlog.get_logger(__name__)
_JSON_DOORS = ("/api/", "/v1/", scim.PREFIX)


class ChatAppError(Exception):
    code = "failed"
    http_status = 500
    retryable = False
    user_message = "Something went wrong."
    advice = "Try again; if it keeps failing, tell your administrator."

    def __init__(self, user_message: str | None = None, *, advice: str | None = None) -> None:
        self.user_message = user_message or self.user_message
        self.advice = advice or self.advice
        super().__init__(self.user_message)


class NotFound(ChatAppError):
    """Absent, or not for this person: the two look the same."""

    code, http_status = "not_found", 404
    user_message = "There is nothing here that you can see."
    advice = "Check the address, or ask your administrator for access."


class Invalid(ChatAppError):
    code, http_status = "invalid", 400
    user_message = "This request is not understood."
    advice = "Correct it and send it again."


class TooOften(ChatAppError):
    code, http_status, retryable = "too_often", 429, True
    user_message = "That came too often in a short time."

    def __init__(self, *, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(advice=f"Wait {retry_after_s} seconds, then try again.")


class Failed(ChatAppError):
    """Whatever nobody expected."""


class Busy(ChatAppError):
    code, http_status, retryable = "busy", 429, True
    user_message = "You have too many answers running at once."
    advice = "Wait for one to finish or stop it, then ask again."


TYPED_ERRORS = (ChatAppError, RetrievalError, InferenceError)
TypedError = ChatAppError | RetrievalError | InferenceError


def reason_of(error: TypedError) -> str:
    """For the log: engines repeat questions in what they say, but not in this."""
    return error.reason if isinstance(error, InferenceError) else str(error)


def as_dict(error: TypedError) -> dict[str, Any]:
    return {
        "code": error.code,
        "message": error.user_message,
        "advice": error.advice,
        "retryable": error.retryable,
    } | ({"retry_after_s": error.retry_after_s} if isinstance(error, TooOften) else {})


def error_body(path: str, error: TypedError) -> dict[str, Any]:
    """As the programs that ask there expect it."""
    if path.startswith(openai_errors.PREFIX):
        return openai_errors.error_object(error)
    if path.startswith(scim.PREFIX):
        return scim.error_object(error)
    return {"error": as_dict(error)}


def wants_json(request: HttpRequest) -> bool:
    return request.path.startswith(_JSON_DOORS) or "application/json" in request.headers.get("Accept", "")


class ErrorMiddleware:
    """Turns typed errors of views into a page or JSON."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, TYPED_ERRORS):
            return None  # `failed` answers it
        return answer_to(request, error)


def answer_to(request: HttpRequest, error: TypedError) -> HttpResponse:
    """A page, or JSON where programs ask."""
    log.info("request.refused", code=error.code, reason=reason_of(error))
    answer: HttpResponse
    if wants_json(request):
        answer = JsonResponse(error_body(request.path, error), status=error.http_status, headers=retry_after(error))
    else:
        answer = render(request, "error.html", {"error": as_dict(error)}, status=error.http_status)
    if error.http_status < 500:
        answer._has_been_logged = True  # type: ignore[attr-defined]  # Django would say it once more, and less
    return answer


def failed(request: HttpRequest) -> HttpResponse:
    """Django's handler of what nobody expected, also of middleware: programs get JSON, people a plain page."""
    error = outage_behind(sys.exc_info()[1]) or Failed()
    if wants_json(request):
        return JsonResponse(error_body(request.path, error), status=error.http_status)
    return server_error(request)


def absent(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler of addresses that lead nowhere."""
    if wants_json(request):
        return JsonResponse(error_body(request.path, NotFound()), status=404)
    return page_not_found(request, exception)


def not_understood(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler of requests that it refuses before a view sees them."""
    if wants_json(request):
        return JsonResponse(error_body(request.path, Invalid()), status=400)
    return bad_request(request, exception)


class OutageAnswers:
    """Around Django's ASGI application, which keeps bodies on disk before its own handlers are there."""

    def __init__(self, application: Callable[..., Awaitable[None]]) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        started = False

        async def noticed(message: dict[str, Any]) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._application(scope, receive, noticed)
        except OSError as fault:
            outage = outage_behind(fault)
            if started or outage is None:
                raise
            log.error("request.outage", code=outage.code, reason=str(fault))
            await refuse(scope, send, outage)


async def refuse(scope: dict[str, Any], send: Any, error: TypedError) -> None:
    """Before Django's handlers are there. The connection ends with it: what is still on its way is not read."""
    kind, body = "application/json", json.dumps(error_body(scope.get("path", ""), error))
    if _is_for_a_person(scope):
        kind = "text/html; charset=utf-8"
        body = render_to_string("error.html", {"error": as_dict(error), "site_name": settings.SITE_NAME})
    headers = {
        "content-type": kind,
        "content-length": str(len(body.encode())),
        "content-security-policy": POLICY,
        "x-content-type-options": "nosniff",
        "connection": "close",
        **retry_after(error),
    }
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": error.http_status, "headers": raw})
    await send({"type": "http.response.body", "body": body.encode()})


def _is_for_a_person(scope: dict[str, Any]) -> bool:
    """A browser says that it wants a page; scripts of pages, and programs, do not."""
    accepted = next((value for name, value in scope.get("headers", ()) if name.lower() == b"accept"), b"")
    return b"text/html" in accepted and not scope.get("path", "").startswith(_JSON_DOORS)
