"""Nothing but sign-in, health and static files answers a stranger."""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, resolve_url
from django.utils.deprecation import MiddlewareMixin

from chatapp.accounts.scopes import grant_of
from chatapp.errors import wants_json

OPEN_PREFIXES = (
    "/accounts/login/",
    "/accounts/logout/",
    "/accounts/inactive/",
    "/accounts/link/",
    "/accounts/passkey/",
    "/accounts/second-factor/answer/",
    "/accounts/signon/",
    "/scim/v2/",  # asks for a token itself, and answers in SCIM's form
    "/language/",  # chosen before signing in, too
    "/healthz",
    "/readyz",
    "/static/",
    "/v1/",  # asks for a key itself, and answers in OpenAI's form
    "/manifest/",  # what a browser installs the pages by
    "/widget.js",
    "/widget/frame/",  # says who may show it, and holds nothing but the name of a widget
    "/widget/leave/",  # asks for the ticket of a frame
)
METRICS = "/metrics"


def knows_internal_token(request: HttpRequest) -> bool:
    """As a scraper of metrics does, which has no session."""
    given = request.headers.get("Authorization", "").encode()
    return hmac.compare_digest(given, f"Bearer {settings.INTERNAL_TOKEN}".encode())


def _is_signed_in(user: Any) -> bool:
    """A service account is by a key alone, whatever session it came to."""
    return user.is_authenticated and (not user.is_service or grant_of(user) is not None)


class SignedInMiddleware(MiddlewareMixin):
    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        if request.path.startswith(OPEN_PREFIXES) or _is_signed_in(request.user):  # health needs no database
            return None
        if request.path == METRICS and knows_internal_token(request):
            return None
        if wants_json(request):
            error = {"code": "sign_in", "message": "Sign in first.", "advice": "", "retryable": False}
            return JsonResponse({"error": error}, status=401)
        return redirect(f"{resolve_url(settings.LOGIN_URL)}?next={quote(request.get_full_path())}")
