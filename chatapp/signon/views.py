"""The sign-in page and the doors to and from the providers."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.views import LoginView
from allauth.core import ratelimit
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods
from requests import RequestException

from chatapp.errors import NotFound, TooOften
from chatapp.signon import discovery, providers, sessions
from chatapp.signon.config import OIDC, Provider
from chatapp.signon.errors import ProviderUnreachable
from chatapp.signon.oidc import OidcAdapter
from chatapp.signon.services import fail

View = Callable[..., HttpResponseBase]


class SignIn(LoginView):
    def form_valid(self, form: Any) -> HttpResponseBase:
        answer: HttpResponseBase = super().form_valid(form)
        sessions.keep_bounds(self.request)
        return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        buttons = [{"name": one.name, "address": start_address(one)} for one in providers.in_use()]
        return {**super().get_context_data(**kwargs), "providers": buttons, **_passwords()}


def _passwords() -> dict[str, Any]:
    """Whose passwords open, and whether a passkey does instead of one."""
    local = bool(settings.LOCAL_ACCOUNTS)
    directory = settings.DIRECTORY.provider.name if settings.DIRECTORY else ""
    return {
        "takes_passwords": sessions.takes_passwords(),
        "local_accounts": local,
        "directory": directory,
        "passkeys": local and settings.PASSKEY_SIGN_IN,
    }


def start_address(provider: Provider) -> str:
    if provider.kind == OIDC:
        return reverse("openid_connect_login", kwargs={"provider_id": provider.slug})
    return reverse("saml_login", kwargs={"organization_slug": provider.slug})


def door(kind: str) -> Callable[[View], View]:
    """A door of a provider that is in use; strangers knock at it, but not too often."""

    def wrapped(view: View) -> View:
        @wraps(view)
        def called(request: HttpRequest, slug: str) -> HttpResponseBase:
            if not ratelimit.consume(request, action="sign_on"):
                raise TooOften(retry_after_s=60)
            provider = providers.find(slug)
            if provider is None or provider.kind != kind:
                raise NotFound
            try:
                return view(request, provider)
            except RequestException:
                raise ProviderUnreachable from None

        return never_cache(called)

    return wrapped


def onward(request: HttpRequest, response: HttpResponseBase, name: str) -> HttpResponseBase:
    """To another site by a page of ours: browsers hold `form-action` against what a form is redirected to."""
    address = response.headers.get("Location", "")
    if not address.startswith(("https://", "http://")):
        return response
    return render(request, "signon/onward.html", {"address": address, "name": name})


@require_http_methods(["GET", "POST"])
@door(OIDC)
def oidc_login(request: HttpRequest, provider: Provider) -> HttpResponseBase:
    """GET asks: another site must not sign somebody in here as somebody else."""
    view = OAuth2LoginView.adapter_view(OidcAdapter(request, provider.slug))
    return onward(request, view(request), provider.name)


@require_GET
@door(OIDC)
def oidc_callback(request: HttpRequest, provider: Provider) -> HttpResponseBase:
    _check_sender(request, provider)
    answer: HttpResponse = OAuth2CallbackView.adapter_view(OidcAdapter(request, provider.slug))(request)
    return answer


def _check_sender(request: HttpRequest, provider: Provider) -> None:
    """RFC 9207: the answer names who gives it."""
    known = discovery.configuration(provider)
    named = request.GET.get("iss")
    expected = known.get("authorization_response_iss_parameter_supported") is True
    if (named is None and expected) or (named is not None and named != known["issuer"]):
        fail(provider, "an answer of another issuer")
