"""Groups that a client makes. Those that were made here are not seen and not touched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from uuid import UUID

from django.contrib.auth.models import Group
from django.db.models import QuerySet

from chatapp.accounts.models import User
from chatapp.errors import NotFound
from chatapp.governance.services import record
from chatapp.scim import names, values
from chatapp.scim.errors import InvalidValue, Uniqueness
from chatapp.scim.models import Person, ProvisionedGroup, ProvisioningClient
from chatapp.scim.profiles import Members
from chatapp.scim.writing import change_of, check_version
from chatapp.signon import groups as memberships


def listed(client: ProvisioningClient) -> QuerySet[ProvisionedGroup]:
    return ProvisionedGroup.objects.filter(client=client).select_related("group", "client__organisation")


def get(client: ProvisioningClient, number: UUID) -> ProvisionedGroup:
    """Raises NotFound."""
    found = listed(client).filter(pk=number).first()
    if found is None:
        raise NotFound
    return found


def members(row: ProvisionedGroup) -> Members:
    return members_of_each([row])[row.pk]


def members_of_each(rows: Sequence[ProvisionedGroup]) -> dict[UUID, Members]:
    """With one query: those within reach, whoever put them in."""
    found = defaultdict[int, set[UUID]](set)
    if rows:
        reach = Person.objects.within_reach(rows[0].client).values("pk")
        pairs = User.groups.through.objects.filter(group__in=[row.group_id for row in rows], user__in=reach)
        for group, user in pairs.values_list("group_id", "user_id"):
            found[group].add(user)
    return {
        row.pk: Members(names.shown_group(row.client, row.group.name), row.external_id, frozenset(found[row.group_id]))
        for row in rows
    }


def create(client: ProvisioningClient, wanted: Members) -> ProvisionedGroup:
    """Raises Uniqueness, whoever made the group of this name."""
    with change_of(client):
        group = Group(name=_free_name(client, wanted.display_name, None))
        group.home = client.organisation_id  # type: ignore[attr-defined]  # read where new groups are placed
        group.save()
        row = ProvisionedGroup.objects.create(client=client, group=group, external_id=wanted.external_id)
        _put_in(row, wanted.people)
        record("scim.group.added", group.name, organisation=client.tenant, client=client.name)
    return row


def change(
    client: ProvisioningClient, number: UUID, how: Callable[[Members], Members], *, expected: str = ""
) -> ProvisionedGroup:
    """`expected`: the version that is to be changed. Raises NotFound, Changed and what `how` raises."""
    with change_of(client):
        row = get(client, number)
        before = members(row)
        check_version(before, expected)
        wanted = how(before)
        if wanted != before:
            _store(row, before, wanted)
    return row


def _store(row: ProvisionedGroup, before: Members, wanted: Members) -> None:
    if wanted.display_name != before.display_name:
        row.group.name = _free_name(row.client, wanted.display_name, row.group)
        row.group.save(update_fields=["name"])
    row.external_id = wanted.external_id
    row.save()
    _put_in(row, wanted.people - before.people)
    memberships.take_from(row.group, _users(before.people - wanted.people), row.client.giver)
    record(
        "scim.group.changed",
        wanted.display_name,
        organisation=row.client.tenant,
        client=row.client.name,
        before=before.display_name,
        added=len(wanted.people - before.people),
        removed=len(before.people - wanted.people),
    )


def delete(client: ProvisioningClient, number: UUID) -> None:
    """What it gave is taken. A group in which others are left stays, as one that was made here."""
    with change_of(client):
        row = get(client, number)
        memberships.take_from(row.group, list(row.group.user_set.all()), client.giver)
        stays = row.group.user_set.exists()
        left = "stays" if stays else "deleted"
        record("scim.group.removed", row.group.name, organisation=client.tenant, client=client.name, group=left)
        row.delete()
        if not stays:
            row.group.delete()


def _free_name(client: ProvisioningClient, name: str, group: Group | None) -> str:
    """As it is stored. Raises Uniqueness and InvalidValue."""
    name = names.stored_group(client, name)
    if len(name) > values.NAME:
        raise InvalidValue("`displayName` is too long.")
    names.require_group(client, name)
    others = Group.objects.exclude(pk=group.pk) if group else Group.objects.all()
    if others.filter(name__iexact=name).exists():
        raise Uniqueness("There is a group of this name already.", advice="Rename one of the two.")
    return name


def _put_in(row: ProvisionedGroup, people: frozenset[UUID]) -> None:
    """Raises InvalidValue: only people of this client can be members."""
    found = _users(people)
    reach = set(Person.objects.within_reach(row.client).filter(pk__in=people).values_list("pk", flat=True))
    if missing := people - reach:
        raise InvalidValue(f"There is no user {min(map(str, missing))} that could be a member.")
    memberships.give_to(row.group, found, row.client.giver)


def _users(people: frozenset[UUID]) -> list[User]:
    return list(User.objects.filter(pk__in=people)) if people else []
