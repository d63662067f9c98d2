"""A second factor for people who sign in with a password: codes of an app, and recovery codes."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import wraps
from io import BytesIO
from typing import Any

from allauth.account.views import reauthenticate
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base import views as base
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path

from chatapp.privacy.ciphers import decrypt, encrypt
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


urlpatterns = [
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
