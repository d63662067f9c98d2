"""Where new rows belong: to their creator's organisation."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group

from chatapp.governance import acting
from chatapp.organisations.boundaries import organisation_of
from chatapp.organisations.models import GroupPlace, Organisation
from retrieval.tenants import HOUSE


def make_the_house(**_: Any) -> None:
    """Where it is missing: in a database that was emptied."""
    Organisation.objects.get_or_create(pk=HOUSE, defaults={"name": "House", "slug": "house"})


def place_new_group(instance: Group, created: bool, **_: Any) -> None:
    """Whoever makes one elsewhere says so in its `home`."""
    if created:
        home = home_of(instance)
        instance.place, _is_new = GroupPlace.objects.get_or_create(group=instance, defaults={"organisation_id": home})


def home_of(group: Group) -> UUID:
    """Where it is or, before it is stored, will be. One without a place is nobody's."""
    return organisation_of(group) or of_creator()


def of_creator() -> UUID:
    """Of whoever makes the request that is answered; the house's where nobody does."""
    found: UUID = getattr(acting.person(), "organisation_id", HOUSE)
    return found
