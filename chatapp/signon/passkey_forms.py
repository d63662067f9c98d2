"""Forms of passkeys. allauth reads what a browser says of one; whatever else is sent is refused, and fails nothing."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn import forms as theirs
from allauth.mfa.webauthn.internal import auth
from django import forms
from django.core.exceptions import ValidationError

from chatapp.json_body import parse

_CHARACTERS = 20_000  # of a credential; one has about a thousand
_NAME = 60
_SENTENCE = "That passkey was not taken."


class Credential(forms.Field):
    """A JSON object, bounded in size and depth."""

    widget = forms.HiddenInput

    def to_python(self, value: Any) -> dict[str, Any] | None:
        if not value:
            return None
        try:
            found = parse(value) if len(value) <= _CHARACTERS else None
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise ValidationError(_SENTENCE)
        return found


@contextmanager
def _refusing() -> Iterator[None]:
    """fido2 reads binary forms within: what is none makes it raise each of these."""
    try:
        yield
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError, struct.error):
        raise ValidationError(_SENTENCE) from None


class Add(theirs.AddWebAuthnForm):
    name = forms.CharField(required=False, max_length=_NAME)
    credential = Credential()

    def clean(self) -> Any:
        """What is kept of whether it signs in alone is what its person chose, not what a device made of it."""
        with _refusing():
            given = super().clean()
            if "credential" in given:
                told = given["credential"].setdefault("clientExtensionResults", {})
                told["credProps"] = {"rk": bool(given.get("passwordless"))}
            return given


class Authenticate(theirs.AuthenticateWebAuthnForm):
    credential = Credential()

    def clean_credential(self) -> Authenticator:
        with _refusing():
            return super().clean_credential()


class Reauthenticate(Authenticate):
    reauthenticated = True


class SignIn(Authenticate):
    passwordless = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, user=None, **kwargs)

    def clean_credential(self) -> Authenticator:
        """The question may have been that of a second step, which wants no finger; so may the passkey."""
        if (auth.get_state() or {}).get("user_verification") != "required":
            raise ValidationError(_SENTENCE)
        found = super().clean_credential()
        if found.wrap().is_passwordless is not True:
            raise ValidationError(_SENTENCE)
        return found
