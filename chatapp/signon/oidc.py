"""OpenID Connect: the code flow with PKCE and a nonce; the token's signature is always checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allauth.socialaccount.models import SocialAccount, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from chatapp.signon import discovery, tokens
from chatapp.signon.config import Provider
from chatapp.signon.identity import Identity, groups_of, text_of
from chatapp.signon.outgoing import ProviderRefused, json_object
from chatapp.signon.services import fail

_NEEDS = ("iss", "sub", "aud", "exp", "iat")
# What the token alone may say, and what goes together.
_OF_THE_TOKEN = frozenset({*_NEEDS, "azp", "nonce", "sid", "auth_time", "email", "email_verified"})
_LONGEST_SUBJECT = 191  # the column of the account


class OidcAdapter(OpenIDConnectOAuth2Adapter):
    @property
    def openid_config(self) -> dict[str, Any]:
        return discovery.configuration(self._described())

    def _described(self) -> Provider:
        found: Provider = self.get_provider().app.described
        return found

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        return absolute(request, reverse("openid_connect_callback", kwargs={"provider_id": self.provider_id}))

    def parse_token(self, data: Mapping[str, Any]) -> SocialToken:
        if not isinstance(data.get("access_token"), str):
            raise OAuth2Error("no access token")
        return SocialToken(token=data["access_token"])

    def complete_login(self, request: HttpRequest, app: Any, token: SocialToken, **kwargs: Any) -> SocialLogin:
        provider: Provider = app.described
        raw = kwargs["response"].get("id_token", "")
        try:
            claims = tokens.verified(raw, provider, needs=_NEEDS)
            more = self._userinfo(provider, token.token, claims["sub"])
        except (tokens.TokenRefused, ProviderRefused) as refused:
            fail(provider, str(refused))
        identity = identity_of(provider, together(claims, more), raw)
        return self.get_provider().sociallogin_from_response(request, identity)

    def _userinfo(self, provider: Provider, access_token: str, subject: str) -> dict[str, Any]:
        address = discovery.configuration(provider).get("userinfo_endpoint")
        if not address:
            return {}
        found = json_object(address, headers={"Authorization": f"Bearer {access_token}"})
        if found.get("sub") != subject:  # OpenID Connect Core 1.0, 5.3.2
            raise ProviderRefused("what it says about another person")
        return found


def together(claims: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """The claims of the token, and what the provider says of the person beside it. An address and whether it was
    verified come from one place: two places may speak of two addresses."""
    found = {name: value for name, value in more.items() if name not in _OF_THE_TOKEN} | dict(claims)
    if "email" not in claims or ("email_verified" not in claims and more.get("email") == claims["email"]):
        found |= {"email": more.get("email"), "email_verified": more.get("email_verified")}
    return found


def identity_of(provider: Provider, claims: Mapping[str, Any], id_token: str) -> Identity:
    """Claims whose signature was checked."""
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT or "\0" in subject:
        fail(provider, "a subject that is no short text")
    check_issuer(provider, subject)
    vouched = claims.get("email_verified") is True or provider.trusts_email
    email = text_of(claims, "email")
    return Identity(
        provider=provider,
        subject=subject,
        username=text_of(claims, "preferred_username") or email.partition("@")[0],
        email=email if vouched else "",
        first_name=text_of(claims, "given_name"),
        last_name=text_of(claims, "family_name"),
        groups=groups_of(claims, provider.groups_claim),
        session_id=str(claims.get("sid", ""))[:255],
        nonce=str(claims.get("nonce", "")),
        id_token=id_token,
        authenticated_at=_moment(claims.get("auth_time")),
    )


def _moment(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def check_issuer(provider: Provider, subject: str) -> None:
    """A provider that was pointed elsewhere brings other people under the same numbers."""
    known = SocialAccount.objects.filter(provider=provider.slug, uid=subject).first()
    if known is not None and known.extra_data.get("issuer", provider.issuer) != provider.issuer:
        fail(provider, "a person of another issuer")


def absolute(request: HttpRequest, path: str) -> str:
    return f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else request.build_absolute_uri(path)
