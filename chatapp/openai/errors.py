"""Errors in OpenAI's form, as its clients read them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import JsonResponse

from chatapp.retry_after import retry_after

if TYPE_CHECKING:  # chatapp.errors answers with this form under /v1/
    from chatapp.errors import TypedError

PREFIX = "/v1/"


def error_object(error: TypedError) -> dict[str, Any]:
    sentence = f"{error.user_message} {error.advice}".strip()
    return described(error.http_status, error.code, sentence, getattr(error, "param", None))


def error_response(error: TypedError) -> JsonResponse:
    return JsonResponse(error_object(error), status=error.http_status, headers=retry_after(error))


def refusal(status: int, *, code: str, message: str, allow: str = "") -> JsonResponse:
    """`allow`: the method that is."""
    headers = {"Allow": allow} if allow else {}
    return JsonResponse(described(status, code, message), status=status, headers=headers)


def described(status: int, code: str, message: str, param: str | None = None) -> dict[str, Any]:
    kind = "server_error" if status >= 500 else "rate_limit_error" if status == 429 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "code": code, "param": param}}
