"""What counts within an organisation. The accessors decide by these, and so does whatever goes by groups."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models import F, Q, QuerySet

from chatapp.organisations.models import Organisation
from retrieval.tenants import HOUSE


def memberships() -> QuerySet[Any]:
    """Of people in groups of their own organisation. A group that was given to anybody else gives them nothing."""
    through = get_user_model().groups.through
    found: QuerySet[Any] = through.objects.filter(group__place__organisation=F("user__organisation"))
    return found


def groups_that_count(people: Iterable[UUID]) -> dict[UUID, set[int]]:
    """By person, with one query."""
    found = defaultdict[UUID, set[int]](set)
    for user, group in memberships().filter(user__in=set(people)).values_list("user_id", "group_id"):
        found[user].add(group)
    return found


def organisation_of(thing: Any) -> UUID | None:
    """Of a person, a group, a collection, a key or an organisation. None: of a group that has no place, not even one
    to come (`home`), which gives nobody anything."""
    if isinstance(thing, Group):
        place = getattr(thing, "place", None)
        return place.organisation_id if place else getattr(thing, "home", None)
    found: UUID = thing.pk if isinstance(thing, Organisation) else thing.tenant
    return found


def groups_of(organisation: UUID) -> QuerySet[Group]:
    return Group.objects.filter(place__organisation=organisation)


def administrators(organisation: UUID) -> QuerySet[Any]:
    """Who looks after it. Of the house: those who run Footnote."""
    people: QuerySet[Any] = get_user_model().objects.filter(organisation=organisation, is_active=True)
    by_group = memberships().filter(group__appointment__role="organiser").values("user_id")
    organises = Q(appointment__role="organiser") | Q(pk__in=by_group)
    return people.filter(Q(is_superuser=True) | organises).distinct().order_by("username")


def name_within(name: str, organisation: UUID) -> str:
    """As it is stored: names are one set for all, so each organisation has a part of them to itself. Nobody learns
    from a name that is taken what others have."""
    before = _slug(organisation)
    return name if not before or name.startswith(f"{before}/") else f"{before}/{name}"


def person_name(name: str, organisation: UUID) -> str:
    """The same for those with whom people sign in."""
    behind = _slug(organisation)
    return name if not behind or name.endswith(f"@{behind}") else f"{name}@{behind}"


def _slug(organisation: UUID) -> str:
    """'' for the house."""
    if organisation == HOUSE:
        return ""
    return Organisation.objects.values_list("slug", flat=True).get(pk=organisation)
