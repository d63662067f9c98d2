"""API keys at the doors of documents: programs put documents in, look after sources and read passages.

A request that bears a key is that of the key's person, whatever cookies come with it. Browsers send no such header on
their own, so no other site can make one send it: CSRF tokens are not asked for.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import Resolver404, resolve
from django.utils.deprecation import MiddlewareMixin

from chatapp.accounts.keys import opened_by
from chatapp.accounts.models import User
from chatapp.accounts.resting import KeyRests
from chatapp.accounts.scopes import opens
from chatapp.accounts.signing import SIGNATURE, SignatureRefused, check_signature
from chatapp.errors import NotFound, answer_to

PREFIXES = (
    "/api/collections/",
    "/api/documents/",
    "/api/passages/",
    "/api/search/",
    "/api/sources/",
    "/api/ingestion/",
    "/documents/",
)


class BearerMiddleware(MiddlewareMixin):
    """After AuthenticationMiddleware. What it does not know as a key is refused rather than taken for a visitor."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not request.path.startswith(PREFIXES):
            return None
        (person,) = opened_by([key.strip()])
        if isinstance(person, KeyRests):
            return answer_to(request, person)
        if person is None:
            error = {"code": "sign_in", "message": "The API key is missing or wrong.", "advice": "", "retryable": False}
            return JsonResponse({"error": error}, status=401)
        try:
            check(person, request)
        except SignatureRefused as error:
            return answer_to(request, error)
        if not opens(person.grant, _door(request), request.method):
            return answer_to(request, NotFound())
        _sign_in(request, person)
        return None


def check(person: User, request: HttpRequest) -> None:
    """Raises SignatureRefused. A signature is looked at wherever one is sent."""
    grant = person.grant
    if grant is not None and (grant.signed or SIGNATURE in request.headers):
        check_signature(grant.key, request)


def _door(request: HttpRequest) -> str | None:
    try:
        return resolve(request.path_info).url_name
    except Resolver404:
        return None


def _sign_in(request: Any, person: User) -> None:
    async def auser() -> User:
        return person

    request.user, request.auser = person, auser
    request._dont_enforce_csrf_checks = True
