"""What all doors of OpenAI's API share: who asks, what the key opens, what counts, and how refusals look."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, cast

import structlog
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from chatapp.accounts.bearer import check
from chatapp.accounts.keys import opened_by, people_of_keys
from chatapp.accounts.models import User
from chatapp.accounts.resting import KeyRests
from chatapp.accounts.scopes import Action
from chatapp.accounts.signing import SIGNATURE
from chatapp.database import Together, in_database
from chatapp.errors import TYPED_ERRORS, TypedError, reason_of
from chatapp.limits.buckets import Level
from chatapp.limits.headers import describe
from chatapp.limits.services import Asked, atake, take_all
from chatapp.openai.errors import error_object, error_response, refusal
from chatapp.openai.validity import Validity
from inference.serving.response_form import DONE

log = structlog.get_logger(__name__)

Door = Callable[..., Coroutine[Any, Any, HttpResponseBase]]
_LEVELS = "footnote_levels"  # of a request: how full the buckets were that it filled
_person_of_key = Together[str, User | None](people_of_keys)


@dataclass(frozen=True, slots=True)
class _Opened:
    """Whose key it is, or that it rests, and how full their buckets are; None: nothing was counted yet, for it must be
    signed."""

    person: User | KeyRests | None
    counted: tuple[Level, ...] | Exception | None = None


def _open_all(keys: Sequence[str]) -> list[_Opened]:
    """Who asks and what is left for them, of many at once in one change of thread."""
    people = opened_by(keys)
    counted = [one for one in people if isinstance(one, User) and not (one.grant and one.grant.signed)]
    results = iter(take_all([Asked(one) for one in counted]))
    at_once = {id(one) for one in counted}
    return [_Opened(one, next(results) if id(one) in at_once else None) for one in people]


_opened = Together[str, _Opened](_open_all)


_checked = in_database(check)


def with_key(method: str, action: Action | None = None) -> Callable[[Door], Door]:
    """The door for one method, with the person of the key that the request bears. Cookies do not open it.

    Without an `action` it opens to every key.
    """

    def decorate(door: Door) -> Door:
        @csrf_exempt
        @wraps(door)
        async def opened(request: HttpRequest, **parts: str) -> HttpResponseBase:
            if request.method != method:
                return refusal(405, code="method_not_allowed", message=f"Use {method}.", allow=method)
            key = _key(request)
            found = await _opened(key) if key else _Opened(None)
            if isinstance(found.person, KeyRests):
                return error_response(found.person)
            if found.person is None:
                return refusal(401, code="invalid_api_key", message="The API key is missing or wrong.")
            try:
                response = await _answer(door, request, found, key, action, parts)
            except TYPED_ERRORS as error:
                log.info("request.refused", code=error.code, reason=reason_of(error))
                response = error_response(error)
                count(request, getattr(error, "levels", ()))
            describe(response.headers, getattr(request, _LEVELS, ()), as_openai=True)
            return response

        return opened

    return decorate


def _key(request: HttpRequest) -> str:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


async def _answer(
    door: Door, request: HttpRequest, found: _Opened, key: str, action: Action | None, parts: dict[str, str]
) -> HttpResponseBase:
    person = cast(User, found.person)
    grant = person.grant
    if grant is not None and (grant.signed or SIGNATURE in request.headers):
        await _checked(person, request)
    if action is not None and grant is not None and not grant.opens(action):
        return nothing_there(request)
    if isinstance(found.counted, Exception):
        raise found.counted
    count(request, await atake(Asked(person)) if found.counted is None else found.counted)
    validity = Validity(key, _person_of_key)
    response: HttpResponseBase | None = None
    try:
        response = await validity.until(door(request, person, **parts))
    finally:
        if not isinstance(response, StreamingHttpResponse):
            validity.close()
    if isinstance(response, StreamingHttpResponse):
        pieces = cast(AsyncIterator[bytes], response.streaming_content)
        response.streaming_content = validity.each(pieces, _last_words)
    return response


def nothing_there(request: HttpRequest) -> HttpResponseBase:
    """Also for what a key does not open: it looks the same."""
    return refusal(404, code="unknown_url", message=f"There is nothing at {request.method} {request.path}.")


def count(request: HttpRequest, levels: tuple[Level, ...]) -> None:
    """For the headers of the answer: what was counted later is what they tell."""
    setattr(request, _LEVELS, (*levels, *getattr(request, _LEVELS, ())))


def _last_words(error: TypedError) -> bytes:
    return b"data: " + json.dumps(error_object(error)).encode() + b"\n\n" + DONE
