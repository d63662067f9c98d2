"""What all doors of OpenAI's API share: who asks, and how much at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from chatapp.accounts.keys import people_of_keys
from chatapp.accounts.models import User
from chatapp.database import Together
from chatapp.errors import TYPED_ERRORS, Busy
from chatapp.openai.errors import error_response, refusal

log = structlog.get_logger(__name__)

Door = Callable[..., Coroutine[Any, Any, HttpResponseBase]]
_running: Counter[UUID] = Counter()
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
                log.info("request.refused", code=error.code, detail=str(error))
                return error_response(error)

        return opened

    return decorate


class Place:
    """One of the answers that a person may have running over the API. `take` raises Busy."""

    def __init__(self, person: User) -> None:
        self._person, self._taken = person.pk, False

    def take(self) -> None:
        if _running[self._person] >= settings.TURNS_PER_USER:
            raise Busy
        _running[self._person] += 1
        self._taken = True

    def free(self) -> None:
        if self._taken:
            self._taken = False
            _running[self._person] -= 1
            if _running[self._person] <= 0:
                del _running[self._person]
