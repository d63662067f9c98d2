"""A second factor for people who sign in with a password: codes of an app, passkeys, and recovery codes. A passkey
can also sign in alone."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import wraps
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from allauth.account.views import reauthenticate
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base import views as base
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.cache import never_cache

from chatapp.errors import NotFound
from chatapp.privacy.ciphers import decrypt, encrypt
from chatapp.signon.errors import LocalAccountsOff
from chatapp.signon.sessions import may_choose_password

View = Callable[..., HttpResponse]
_ABOUT = b"second factor"


class SecondFactorAdapter(DefaultMFAAdapter):
    """What codes are made from is sealed under the secret key: the database alone opens no account."""

    def is_mfa_enabled(self, user: Any, types: Any = None) -> bool:
        """Not asked for behind an identity provider: the second factor of its people is there."""
        if getattr(context.request, "signon", None) is not None:
            return False
        return bool(super().is_mfa_enabled(user, types))

    def build_totp_svg(self, url: str) -> str:
        """With a white ground of its own: cameras read nothing black on dark pages."""
        import qrcode
        from qrcode.image.svg import SvgPathFillImage

        drawn = BytesIO()
        qrcode.make(url, image_factory=SvgPathFillImage).save(drawn)
        return drawn.getvalue().decode()

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Passkeys are bound to the name under which people reach Footnote, whatever a request says of it."""
        public = urlsplit(settings.PUBLIC_URL).hostname
        return {"id": public or context.request.get_host().partition(":")[0], "name": settings.SITE_NAME}

    def get_public_key_credential_user_entity(self, user: AbstractBaseUser) -> dict[str, Any]:
        return {**super().get_public_key_credential_user_entity(user), "name": user.get_username()}

    def generate_authenticator_name(self, user: AbstractBaseUser, type: Any) -> str:
        number = Authenticator.objects.filter(user=user, type=type).count()
        return "Passkey" if not number else f"Passkey {number + 1}"

    def encrypt(self, text: str) -> str:
        return base64.b64encode(encrypt(_key(), text.encode(), _ABOUT)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(_key(), base64.b64decode(encrypted_text), _ABOUT).decode()


def _key() -> bytes:
    return hashlib.sha256(b"second factor:" + settings.SECRET_KEY.encode()).digest()


def _of_own_account(view: View) -> View:
    """Who comes from a provider has their second factor there."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return view(request, *args, **kwargs) if may_choose_password(request) else redirect("chat")

    return guarded


@never_cache
def passkey_sign_in(request: HttpRequest) -> HttpResponse:
    """Instead of a password, and so off where passwords are."""
    if not settings.PASSKEY_SIGN_IN:
        raise NotFound
    if not settings.LOCAL_ACCOUNTS:
        raise LocalAccountsOff
    return webauthn.login_webauthn(request)


urlpatterns = [
    path("passkey/", passkey_sign_in, name="mfa_login_webauthn"),
    path("second-factor/passkeys/", _of_own_account(webauthn.list_webauthn), name="mfa_list_webauthn"),
    path("second-factor/passkeys/add/", _of_own_account(webauthn.add_webauthn), name="mfa_add_webauthn"),
    path(
        "second-factor/passkeys/again/",
        _of_own_account(webauthn.reauthenticate_webauthn),
        name="mfa_reauthenticate_webauthn",
    ),
    path(
        "second-factor/passkeys/<int:pk>/remove/", _of_own_account(webauthn.remove_webauthn), name="mfa_remove_webauthn"
    ),
    path("reauthenticate/", _of_own_account(reauthenticate), name="account_reauthenticate"),
    path("second-factor/answer/", base.authenticate, name="mfa_authenticate"),
    path("second-factor/", _of_own_account(base.index), name="mfa_index"),
    path("second-factor/again/", _of_own_account(base.reauthenticate), name="mfa_reauthenticate"),
    path("second-factor/app/", _of_own_account(totp.activate_totp), name="mfa_activate_totp"),
    path("second-factor/app/remove/", _of_own_account(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("second-factor/codes/", _of_own_account(recovery_codes.view_recovery_codes), name="mfa_view_recovery_codes"),
    path(
        "second-factor/codes/new/",
        _of_own_account(recovery_codes.generate_recovery_codes),
        name="mfa_generate_recovery_codes",
    ),
]
