"""Each door of SCIM opens to the token of a client alone, so often, and answers errors in SCIM's form."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from allauth.core.internal.ratelimit import truncate_ip
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from chatapp.errors import ChatAppError
from chatapp.governance.services import program, record
from chatapp.limits import buckets
from chatapp.limits.buckets import Bucket, Fill
from chatapp.limits.headers import describe
from chatapp.limits.models import Resource
from chatapp.limits.services import LimitReached
from chatapp.retry_after import retry_after
from chatapp.scim import tokens
from chatapp.scim.errors import NoSuchMethod, TokenRefused, TooLarge
from chatapp.scim.models import ProvisioningClient
from chatapp.scim.shapes import MEDIA_TYPE, error_object

log = structlog.get_logger(__name__)

View = Callable[..., HttpResponse]
REQUESTS, REFUSALS = 3000, 60  # of one client (Entra ID wants 25 a second); of wrong tokens from one address
SECONDS = 60


def door(*methods: str) -> Callable[[View], View]:
    def wrapped(view: View) -> View:
        @wraps(view)
        def called(request: HttpRequest, **named: Any) -> HttpResponse:
            try:
                return _opened(view, request, methods, named)
            except RequestDataTooBig:
                return refused(TooLarge())
            except ChatAppError as error:
                log.info("scim.refused", code=error.code, status=error.http_status)
                return refused(error)

        return csrf_exempt(never_cache(called))

    return wrapped


def _opened(view: View, request: HttpRequest, methods: tuple[str, ...], named: dict[str, Any]) -> HttpResponse:
    client = _client(request)
    _take(f"scim:{client.pk}", REQUESTS)
    if request.method not in methods:
        raise NoSuchMethod
    with program(f"provisioning client {client.name}"):
        return view(request, client, **named)


def _client(request: HttpRequest) -> ProvisioningClient:
    """Raises TokenRefused, and LimitReached at an address that tries many."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    client = tokens.client_of(token.strip()) if scheme.lower() == "bearer" else None
    if client is not None:
        return client
    address = str(request.META.get("REMOTE_ADDR", ""))
    _take(f"scim:from:{hashlib.sha256(truncate_ip(address).encode()).hexdigest()[:32]}", REFUSALS)
    if token:
        record("scim.refused", "unknown token", address=address)
    raise TokenRefused


def _take(name: str, amount: int) -> None:
    """Raises LimitReached."""
    bucket = Bucket(f"{name}:{amount}/{SECONDS}", amount, SECONDS, Resource.REQUESTS)
    (outcome,) = buckets.take([[Fill(bucket, 1)]])
    if not outcome.allowed:
        raise LimitReached(outcome.levels, [1])


def refused(error: ChatAppError) -> JsonResponse:
    response = JsonResponse(
        error_object(error), status=error.http_status, headers=retry_after(error), content_type=MEDIA_TYPE
    )
    if isinstance(error, TokenRefused):
        response.headers["WWW-Authenticate"] = 'Bearer realm="scim"'
    if isinstance(error, LimitReached):
        describe(response.headers, error.levels)
    return response
