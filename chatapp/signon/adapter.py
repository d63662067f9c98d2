"""How allauth's sign-on behaves here."""

from __future__ import annotations

import secrets
import time
from typing import Any, NoReturn

import structlog
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from requests import RequestException, Session

from chatapp.accounts.models import User
from chatapp.signon import groups, providers
from chatapp.signon.config import OIDC, Provider
from chatapp.signon.errors import ProviderUnreachable, SignOnFailed
from chatapp.signon.homes import free_name, home_of
from chatapp.signon.identity import Identity
from chatapp.signon.services import admit, fail, spend
from retrieval.tenants import HOUSE

_CLOCKS_S = 60  # how far a provider's clock may be from ours

log = structlog.get_logger(__name__)


class SignOnAdapter(DefaultSocialAccountAdapter):
    def list_apps(self, request: HttpRequest, provider: Any = None, client_id: Any = None) -> list[SocialApp]:
        """Ours alone: allauth's own table would hold secrets in the open."""
        apps = [_app(one) for one in providers.in_use()]
        return [
            app
            for app in apps
            if provider in (None, app.provider, app.provider_id) and client_id in (None, app.client_id)
        ]

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Before anybody is signed in or made. Raises SignOnFailed and SignOnRefused."""
        identity: Identity = sociallogin.identity
        _check_nonce(identity, sociallogin.state.get("nonce", ""))
        _check_again(identity, sociallogin.state.get("again"))
        if identity.once and not spend(identity.provider, *identity.once):
            fail(identity.provider, "what came a second time")
        user = sociallogin.user if sociallogin.is_existing else None
        admit(identity, user)
        if user is None:  # allauth would ask all organisations whether an address is taken, and mail whom it finds
            sociallogin.addresses, sociallogin.email_addresses = sociallogin.email_addresses, []
        request.signon = identity  # type: ignore[attr-defined]
        if isinstance(user, User) and user.is_active:
            groups.apply(user, identity)

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return True  # `admit` has decided

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> Any:
        """Where the provider's people are, from the first moment on."""
        home = home_of(sociallogin.identity.provider)
        if home is None:  # closed a moment ago
            raise SignOnFailed
        if home != HOUSE:
            sociallogin.user.organisation_id = home
            sociallogin.user.username = free_name(sociallogin.identity, home)
        sociallogin.email_addresses = getattr(sociallogin, "addresses", sociallogin.email_addresses)
        try:
            with transaction.atomic():
                user = super().save_user(request, sociallogin, form)
                groups.apply(user, sociallogin.identity)
        except IntegrityError:  # twice at once
            raise SignOnFailed from None
        return user

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Any = None, extra_context: Any = None
    ) -> NoReturn:
        """No page of allauth's: ours say what to do. What the provider said may hold secrets."""
        log.info("sign_on.failed", provider=provider.sub_id, error=str(error), kind=type(exception).__name__)
        if extra_context and "saml_errors" in extra_context:
            fail(provider.app.described, str(extra_context["saml_last_error_reason"])[:200])
        if isinstance(exception, RequestException):
            raise ProviderUnreachable from None
        raise SignOnFailed

    def get_requests_session(self) -> Session:
        from chatapp.signon.outgoing import ProviderSession

        return ProviderSession()


def _check_nonce(identity: Identity, sent: str) -> None:
    """The token was made for this very sign-in, not for one that somebody else began."""
    if identity.nonce is not None and not (sent and secrets.compare_digest(identity.nonce.encode(), sent.encode())):
        fail(identity.provider, "another nonce")


def _check_again(identity: Identity, asked_at: float | None) -> None:
    """Who was to show once more who they are did that, and not only their session at the provider."""
    at = identity.authenticated_at
    if asked_at is not None and (at is None or not asked_at - _CLOCKS_S <= at <= time.time() + _CLOCKS_S):
        fail(identity.provider, "no sign-in anew" if at is None else "a sign-in of earlier")


def _app(provider: Provider) -> SocialApp:
    """As allauth wants it; never stored."""
    if provider.kind == OIDC:
        app = SocialApp(provider="openid_connect", client_id=provider.client_id)
        app.secret = providers.secret_of(provider)
        app.settings = {"server_url": provider.issuer, "oauth_pkce_enabled": True}
    else:
        from chatapp.signon.saml import settings_of

        app = SocialApp(provider="saml", client_id=provider.slug, settings=settings_of(provider))
    app.provider_id, app.name = provider.slug, provider.name
    app.described = provider
    return app
