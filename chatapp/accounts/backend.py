"""Our own passwords among Django's ways to look at one."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.http import HttpRequest

from chatapp.accounts.named import meant


class PasswordBackend(AuthenticationBackend):
    """allauth's tries each account that has the address. Here a guess is at one account, or at none; the hasher runs
    once in either case, so that time does not tell which."""

    def _authenticate(self, request: HttpRequest | None, **credentials: Any) -> Any:
        return self._check_password(meant(credentials), credentials["password"])
