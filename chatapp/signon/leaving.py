"""Leaving: here and at the provider, from whichever side it begins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import structlog
from allauth.account.views import LogoutView
from allauth.core import ratelimit
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST
from requests import RequestException

from chatapp.errors import NotFound, TooOften
from chatapp.signon import discovery, providers, sessions, tokens
from chatapp.signon.config import OIDC, SAML, Provider
from chatapp.signon.oidc import absolute
from chatapp.signon.services import spend
from chatapp.signon.views import onward

log = structlog.get_logger(__name__)
_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_OLDEST = timedelta(minutes=10)


class SignOut(LogoutView):
    def post(self, *args: object, **kwargs: object) -> HttpResponseBase:
        """Here first: a provider that does not answer keeps nobody in."""
        kept = self.request.session.get(sessions.FROM_PROVIDER)
        answer = super().post(*args, **kwargs)
        provider = providers.find(str(kept["provider"])) if isinstance(kept, dict) else None
        if provider is None:
            return answer
        if provider.kind == SAML:
            return _leave_saml(self.request, provider, kept) or answer
        address = _end_address(self.request, provider, kept["id_token"])
        return onward(self.request, HttpResponseRedirect(address), provider.name) if address else answer


def _leave_saml(request: HttpRequest, provider: Provider, kept: dict[str, Any]) -> HttpResponseBase | None:
    """None: the provider has no single logout, or the session is from before it had."""
    from chatapp.signon import saml_leaving

    asked = saml_leaving.ask(request, provider, kept)
    if asked is None:
        return None
    answer = onward(request, HttpResponseRedirect(asked.address), provider.name)
    saml_leaving.remember(answer, provider, asked)
    return answer


def _end_address(request: HttpRequest, provider: Provider, id_token: str) -> str:
    """OpenID Connect RP-Initiated Logout 1.0; empty where the provider has no such thing."""
    if provider.kind != OIDC:
        return ""
    try:
        address = discovery.configuration(provider).get("end_session_endpoint")
    except RequestException as error:
        log.warning("sign_out.provider_unreachable", provider=provider.slug, kind=type(error).__name__)
        return ""
    asked = {
        "client_id": provider.client_id,
        "post_logout_redirect_uri": absolute(request, reverse("account_login")),
    } | ({"id_token_hint": id_token} if id_token else {})
    return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}" if address else ""


@csrf_exempt
@never_cache
@require_POST
def back_channel(request: HttpRequest, slug: str) -> HttpResponse:
    """The provider itself says who has left (OpenID Connect Back-Channel Logout 1.0)."""
    provider = _provider(request, slug)
    try:
        ended = _obeyed(_checked(request.POST.get("logout_token", ""), provider), provider)
    except tokens.TokenRefused as refused:
        log.warning("sign_out.refused", provider=slug, reason=str(refused))
        return JsonResponse({"error": "invalid_request"}, status=400)
    except RequestException as error:
        log.warning("sign_out.provider_unreachable", provider=slug, kind=type(error).__name__)
        return JsonResponse({"error": "temporarily_unavailable"}, status=503)
    log.info("sign_out.by_provider", provider=slug, sessions=ended)
    return HttpResponse(status=200)


def _checked(token: str, provider: Provider) -> dict[str, Any]:
    """-> its claims. Raises TokenRefused."""
    claims = tokens.verified(token, provider, needs=("iss", "aud", "iat", "exp", "jti", "events"))
    events = claims["events"]
    is_one = isinstance(events, dict) and isinstance(events.get(_EVENT), dict) and "nonce" not in claims
    if not is_one or not _named(claims):
        raise tokens.TokenRefused("no logout token")
    if timezone.now() - datetime.fromtimestamp(claims["iat"], UTC) > _OLDEST:
        raise tokens.TokenRefused("an old logout token")
    return claims


def _named(claims: dict[str, Any]) -> dict[str, str]:
    """The person, the session or both."""
    return {name: claims[name] for name in ("sub", "sid") if isinstance(claims.get(name), str) and claims[name]}


@transaction.atomic
def _obeyed(claims: dict[str, Any], provider: Provider) -> int:
    """Spent and obeyed, or neither: the provider may say it again where we failed. -> how many sessions ended. Raises
    TokenRefused."""
    until = datetime.fromtimestamp(claims["iat"], UTC) + 2 * _OLDEST
    if not spend(provider, f"logout:{claims['jti']}", until):
        raise tokens.TokenRefused("what came a second time")
    named = _named(claims)
    return sessions.end(provider, subject=named.get("sub", ""), session_id=named.get("sid", ""))


@never_cache
@require_GET
def front_channel(request: HttpRequest, slug: str) -> HttpResponse:
    """In a frame at the provider, where no cookie of ours comes along: its session's number names the session."""
    provider = _provider(request, slug)
    issuer, session_id = request.GET.get("iss", ""), request.GET.get("sid", "")
    if issuer.rstrip("/") == provider.issuer.rstrip("/") and session_id:
        sessions.end(provider, session_id=session_id[:255])
    return HttpResponse(status=200, content_type="text/plain")


def _provider(request: HttpRequest, slug: str) -> Provider:
    if not ratelimit.consume(request, action="sign_on"):
        raise TooOften(retry_after_s=60)
    provider = providers.find(slug)
    if provider is None or provider.kind != OIDC:
        raise NotFound
    return provider
