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
    if created:
        GroupPlace.objects.get_or_create(group=instance, defaults={"organisation_id": of_creator()})


def place_group(group: Group, organisation: UUID) -> None:
    """A new one, elsewhere than its creator is."""
    group.place, _ = GroupPlace.objects.update_or_create(group=group, defaults={"organisation_id": organisation})


def of_creator() -> UUID:
    """Of whoever makes the request that is answered; the house's where nobody does."""
    found: UUID = getattr(acting.person(), "organisation_id", HOUSE)
    return found
