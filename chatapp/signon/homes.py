"""Providers that are bound to an organisation: whose people they make, and how those are called."""

from __future__ import annotations

import re
import secrets
from uuid import UUID

from django.db.models.functions import Lower

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
    ending = person_name("", home)
    wanted = [f"{plain}{number or ''}{ending}" for number in (0, *range(2, _NAMES))]
    taken = _taken(wanted)
    free = (name for name in wanted if name.lower() not in taken)
    return next(free, "") or f"{plain}-{secrets.token_hex(6)}{ending}"


def _taken(wanted: list[str]) -> set[str]:
    """In small letters."""
    alike = User.objects.annotate(small=Lower("username")).filter(small__in=[name.lower() for name in wanted])
    return set(alike.values_list("small", flat=True))
