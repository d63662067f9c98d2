"""The kinds of providers that allauth finds here (it looks for a module of this name)."""

from __future__ import annotations

import secrets
import time
from typing import Any

from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import Provider as AllauthProvider
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.saml.provider import SAMLProvider
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from chatapp.signon.config import Provider
from chatapp.signon.identity import Identity


class _FromIdentity(AllauthProvider):
    """What becomes of an identity: an account that keeps nothing but who it is."""

    def extract_uid(self, data: Identity) -> str:
        return data.subject

    def extract_extra_data(self, data: Identity) -> dict[str, Any]:
        return {"issuer": data.provider.issuer}

    def extract_common_fields(self, data: Identity) -> dict[str, Any]:
        return {
            "username": data.username,
            "email": data.email,
            "email_verified": True,
            "first_name": data.first_name,
            "last_name": data.last_name,
        }

    def extract_email_addresses(self, data: Identity) -> list[Any]:
        return []

    def sociallogin_from_response(self, request: HttpRequest, response: Identity) -> SocialLogin:
        login = super().sociallogin_from_response(request, response)
        login.identity = response
        return login


class OidcProvider(_FromIdentity, OpenIDConnectProvider):
    supports_token_authentication = False

    def get_oauth2_adapter(self, request: HttpRequest) -> Any:
        from chatapp.signon.oidc import OidcAdapter

        return OidcAdapter(request, self.app.provider_id)

    def redirect_from_request(self, request: HttpRequest) -> HttpResponse:
        """Nothing that the request asks for but where to go afterwards: neither scopes nor other processes."""
        asked = AllauthProvider.get_redirect_from_request_kwargs(self, request)
        nonce, again = secrets.token_urlsafe(24), _again(request)
        return self.redirect(
            request,
            "login",
            next_url=asked.get("next_url"),
            # OpenID Connect Core 1.0, 3.1.2.1: whoever is asked for `max_age` must say when that was.
            auth_params={"nonce": nonce, **({"prompt": "login", "max_age": "0"} if again else {})},
            scope=list(self.described.scopes),
            nonce=nonce,
            **again,
        )

    @property
    def described(self) -> Provider:
        found: Provider = self.app.described
        return found


class SamlProvider(_FromIdentity, SAMLProvider):
    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().get_redirect_from_request_kwargs(request), "process": "login", **_again(request)}

    def redirect(
        self, request: HttpRequest, process: str, next_url: str | None = None, data: Any = None, **state: Any
    ) -> HttpResponse:
        """allauth knows no ForceAuthn."""
        if "again" not in state:
            return super().redirect(request, process, next_url, data, **state)
        from allauth.socialaccount.providers.saml.utils import build_auth

        auth = build_auth(request, self)
        address = auth.login(return_to="", force_authn=True)
        self.stash_redirect_state(request, process, next_url, data, state_id=auth.get_last_request_id(), **state)
        return HttpResponseRedirect(address)

    def sociallogin_from_response(self, request: HttpRequest, response: Any) -> SocialLogin:
        from chatapp.signon.saml import identity_of

        return super().sociallogin_from_response(request, identity_of(self.app.described, response))


def _again(request: HttpRequest) -> dict[str, float]:
    """Whether the person is to show once more who they are, and since when that counts. It stays with the sign-in."""
    return {"again": time.time()} if request.POST.get("again") else {}


provider_classes = [OidcProvider, SamlProvider]
