"""Whose account somebody means who signs in. Who looks at the password and who counts guesses ask here, so that each
guess is at one account and counts against that one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q

from chatapp.accounts.models import User

_LONGEST = 254  # characters of an address; names are shorter


def typed(credentials: Mapping[str, Any]) -> str:
    """What stands in the form's one field for both, without spaces around it. What none can be called is nothing."""
    text = str(credentials.get("username") or credentials.get("email") or "").strip()
    return text if len(text) <= _LONGEST and "\0" not in text else ""


def meant(credentials: Mapping[str, Any]) -> User | None:
    """By name, else by an address that one open account alone has. Of several nobody: whoever chose one of them by
    some rule could be outdone by an account that was made for it."""
    text = typed(credentials)
    if not text:
        return None
    if exact := User.objects.filter(username=text).first():
        return exact
    if alike := list(User.objects.filter(username__iexact=text)[:2]):
        return _only(alike)
    return _by_address(text) if "@" in text else None


def _by_address(address: str) -> User | None:
    """Where an account is known to have it verified, others that merely name it do not count."""
    people = User.objects.filter(is_active=True, is_service=False).distinct()
    verified = list(people.filter(emailaddress__email__iexact=address, emailaddress__verified=True)[:2])
    named = Q(email__iexact=address) | Q(emailaddress__email__iexact=address)
    return _only(verified or list(people.filter(named)[:2]))


def _only(found: list[User]) -> User | None:
    return found[0] if len(found) == 1 else None
