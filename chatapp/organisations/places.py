"""Where new rows belong: to their creator's organisation."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group

from chatapp.governance import acting
from chatapp.organisations.models import GroupPlace, Organisation
from retrieval.tenants import HOUSE


def make_the_house(**_: Any) -> None:
    """Where it is missing: in a database that was emptied."""
    Organisation.objects.get_or_create(pk=HOUSE, defaults={"name": "House", "slug": "house"})


def place_new_group(instance: Group, created: bool, **_: Any) -> None:
    """Whoever makes one elsewhere says so in its `home`."""
    if created:
        home = getattr(instance, "home", None) or of_creator()
        instance.place, _is_new = GroupPlace.objects.get_or_create(group=instance, defaults={"organisation_id": home})


def of_creator() -> UUID:
    """Of whoever makes the request that is answered; the house's where nobody does."""
    found: UUID = getattr(acting.person(), "organisation_id", HOUSE)
    return found
