"""What all doors of OpenAI's API share: who asks, and how refusals look."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

import structlog
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from chatapp.accounts.keys import people_of_keys
from chatapp.accounts.models import User
from chatapp.database import Together
from chatapp.errors import TYPED_ERRORS, reason_of
from chatapp.openai.errors import error_response, refusal

log = structlog.get_logger(__name__)

Door = Callable[..., Coroutine[Any, Any, HttpResponseBase]]
_person_of_key = Together[str, User | None](people_of_keys)


def with_key(method: str) -> Callable[[Door], Door]:
    """The door for one method, with the person of the key that the request bears. Cookies do not open it."""

    def decorate(door: Door) -> Door:
        @csrf_exempt
        @wraps(door)
        async def opened(request: HttpRequest, **parts: str) -> HttpResponseBase:
            if request.method != method:
                return refusal(405, code="method_not_allowed", message=f"Use {method}.", allow=method)
            scheme, _, key = request.headers.get("Authorization", "").partition(" ")
            person = await _person_of_key(key.strip()) if scheme.lower() == "bearer" else None
            if person is None:
                return refusal(401, code="invalid_api_key", message="The API key is missing or wrong.")
            try:
                return await door(request, person, **parts)
            except TYPED_ERRORS as error:
                log.info("request.refused", code=error.code, reason=reason_of(error))
                return error_response(error)

        return opened

    return decorate
