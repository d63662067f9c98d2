"""What is known of a person and of a group through SCIM, whole, and how a request changes it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from chatapp.scim import values
from chatapp.scim.errors import InvalidPath, InvalidValue, Mutability
from chatapp.scim.patches import ADD, REMOVE, Change, applied

_MEMBER = re.compile(r"\s*value\s+eq\s+\"([^\"]*)\"\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Profile:
    user_name: str
    external_id: str = ""
    given_name: str = ""
    family_name: str = ""
    display_name: str = ""
    email: str = ""
    active: bool = True


@dataclass(frozen=True, slots=True)
class Members:
    """Of a group, with its names."""

    display_name: str
    external_id: str = ""
    people: frozenset[UUID] = frozenset()


def profile_of(body: Mapping[str, Any], before: Profile | None = None) -> Profile:
    """What POST and PUT say. What is left out is empty, but for `active`, which stays. Raises InvalidValue."""
    given = {name.lower(): value for name, value in body.items()}
    if given.get("username") is None:
        raise InvalidValue("`userName` is missing.")
    found = _with_name(Profile(values.user_name(given["username"])), given.get("name"))
    active = given.get("active")
    return replace(
        found,
        external_id=values.text(given.get("externalid"), "externalId", values.NUMBER),
        display_name=values.text(given.get("displayname"), "displayName") or found.display_name,
        email=values.main_address(given.get("emails")),
        active=(before.active if before else True) if active is None else values.truth(active, "active"),
    )


def _with_name(profile: Profile, name: Any) -> Profile:
    """The parts that are named."""
    if name is None:
        return profile
    if not isinstance(name, dict):
        raise InvalidValue("`name` must be an object.")
    for part, value in name.items():
        profile = _named(profile, part.lower(), value)
    return profile


def _named(profile: Profile, part: str, value: Any) -> Profile:
    if part == "givenname":
        return replace(profile, given_name=values.text(value, "name.givenName"))
    if part == "familyname":
        return replace(profile, family_name=values.text(value, "name.familyName"))
    if part == "formatted":
        return replace(profile, display_name=profile.display_name or values.text(value, "name.formatted"))
    return profile  # middle names and titles are not kept


def patched_profile(profile: Profile, body: Mapping[str, Any]) -> Profile:
    return applied(profile, body, _OF_PEOPLE)


def _active(profile: Profile, change: Change) -> Profile:
    if change.kind == REMOVE:
        raise Mutability("`active` cannot be removed; set it to false.")
    return replace(profile, active=values.truth(change.value, "active"))


def _user_name(profile: Profile, change: Change) -> Profile:
    if change.kind == REMOVE:
        raise Mutability("`userName` cannot be removed.")
    return replace(profile, user_name=values.user_name(change.value))


def _external_id(profile: Profile, change: Change) -> Profile:
    return replace(profile, external_id=values.text(_new(change), "externalId", values.NUMBER))


def _display_name(profile: Profile, change: Change) -> Profile:
    return replace(profile, display_name=values.text(_new(change), "displayName"))


def _name(profile: Profile, change: Change) -> Profile:
    if change.part:
        return _named(profile, change.part, _new(change))
    if change.kind == REMOVE:
        return replace(profile, given_name="", family_name="")
    return _with_name(profile, change.value)


def _emails(profile: Profile, change: Change) -> Profile:
    if not values.is_main_address(change.selector) or change.part not in ("", "value"):
        return profile  # of another address, or a mark of one
    return replace(profile, email=values.main_address(_new(change)))


def _new(change: Change) -> Any:
    return None if change.kind == REMOVE else change.value


_OF_PEOPLE = {
    "active": _active,
    "username": _user_name,
    "externalid": _external_id,
    "displayname": _display_name,
    "name": _name,
    "emails": _emails,
}


def members_of(body: Mapping[str, Any]) -> Members:
    """What POST and PUT say of a group. Raises InvalidValue."""
    given = {name.lower(): value for name, value in body.items()}
    return Members(
        _group_name(given.get("displayname")),
        values.text(given.get("externalid"), "externalId", values.NUMBER),
        values.numbers(given.get("members") or []),
    )


def _group_name(value: Any) -> str:
    name = values.text(value, "displayName")
    if not name:
        raise InvalidValue("`displayName` is missing.")
    return name


def patched_members(members: Members, body: Mapping[str, Any]) -> Members:
    return applied(members, body, _OF_GROUPS)


def _group_display_name(members: Members, change: Change) -> Members:
    return replace(members, display_name=_group_name(_new(change)))


def _group_external_id(members: Members, change: Change) -> Members:
    return replace(members, external_id=values.text(_new(change), "externalId", values.NUMBER))


def _people(members: Members, change: Change) -> Members:
    if change.selector:
        return replace(members, people=_without(members.people, change))
    if change.kind == REMOVE:
        gone = members.people if change.value is None else values.numbers(change.value)
        return replace(members, people=members.people - gone)
    given = values.numbers([] if change.value is None else change.value)
    return replace(members, people=members.people | given if change.kind == ADD else given)


def _without(people: frozenset[UUID], change: Change) -> frozenset[UUID]:
    """`members[value eq "…"]` names one, to be removed."""
    found = _MEMBER.fullmatch(change.selector)
    if found is None or change.kind != REMOVE:
        raise InvalidPath('Of members, `remove` with members[value eq "…"] alone is understood.')
    return people - values.numbers(found[1])


_OF_GROUPS = {"displayname": _group_display_name, "externalid": _group_external_id, "members": _people}
