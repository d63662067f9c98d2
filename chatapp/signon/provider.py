"""The kinds of providers that allauth finds here (it looks for a module of this name)."""

from __future__ import annotations

import secrets
from typing import Any

from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import Provider as AllauthProvider
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.saml.provider import SAMLProvider
from django.http import HttpRequest, HttpResponse

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
        nonce = secrets.token_urlsafe(24)
        return self.redirect(
            request,
            "login",
            next_url=asked.get("next_url"),
            auth_params={"nonce": nonce},
            scope=list(self.described.scopes),
            nonce=nonce,
        )

    @property
    def described(self) -> Provider:
        found: Provider = self.app.described
        return found


class SamlProvider(_FromIdentity, SAMLProvider):
    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().get_redirect_from_request_kwargs(request), "process": "login"}

    def sociallogin_from_response(self, request: HttpRequest, response: Any) -> SocialLogin:
        from chatapp.signon.saml import identity_of

        return super().sociallogin_from_response(request, identity_of(self.app.described, response))


provider_classes = [OidcProvider, SamlProvider]
