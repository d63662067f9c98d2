"""Providers that are bound to an organisation: whose people they make, and how those are called."""

from __future__ import annotations

import re
import secrets
from uuid import UUID

from chatapp.accounts.models import User
from chatapp.organisations.boundaries import person_name
from chatapp.organisations.models import Organisation
from chatapp.signon.config import Provider
from chatapp.signon.identity import Identity
from retrieval.tenants import HOUSE

_NAMES = 100  # that are tried before one is drawn
_CHARACTERS = 100


def home_of(provider: Provider) -> UUID | None:
    """Where its people are; None: it is bound to an organisation that is not there, or closed."""
    if not provider.organisation:
        return HOUSE
    open_ones = Organisation.objects.filter(slug=provider.organisation, is_active=True)
    return open_ones.values_list("pk", flat=True).first()


def takes(provider: Provider, person: User) -> bool:
    """One that is bound to no organisation takes whoever is linked to it."""
    return not provider.organisation or person.tenant == home_of(provider)


def free_name(identity: Identity, home: UUID) -> str:
    """Within an organisation, where its own names alone count: nobody learns from theirs what others have."""
    said = identity.username or identity.email
    plain = re.sub(r"[^\w.+-]", "", said.partition("@")[0].lower())[:_CHARACTERS] or "user"
    wanted = [person_name(f"{plain}{number or ''}", home) for number in (0, *range(2, _NAMES))]
    taken = {name.lower() for name in _names_like(plain, home)}
    drawn = person_name(f"{plain}-{secrets.token_hex(6)}", home)
    return next((name for name in wanted if name.lower() not in taken), drawn)


def _names_like(plain: str, home: UUID) -> list[str]:
    ending = person_name("", home)
    found = User.objects.filter(username__istartswith=plain, username__iendswith=ending)
    return list(found.values_list("username", flat=True))
