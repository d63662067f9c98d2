"""What is written down of second factors. Apart from their pages, which few processes need."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from chatapp.accounts.models import User
from chatapp.governance.services import record


def factor_added(sender: Any, request: HttpRequest, user: User, authenticator: Any, **_: Any) -> None:
    record("second_factor.added", user, user, kind=authenticator.type)


def factor_removed(sender: Any, request: HttpRequest, user: User, authenticator: Any, **_: Any) -> None:
    record("second_factor.removed", user, user, kind=authenticator.type)
