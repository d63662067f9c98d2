"""People whom a client makes, changes, closes and lets go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.utils import timezone

from chatapp.accounts.models import User
from chatapp.errors import NotFound
from chatapp.governance.services import record
from chatapp.scim import links, names, values
from chatapp.scim.errors import InvalidValue, Uniqueness
from chatapp.scim.models import Person, ProvisioningClient
from chatapp.scim.profiles import Profile
from chatapp.scim.writing import change_of, check_version
from chatapp.signon import factors, sessions
from chatapp.signon import groups as memberships


def listed(client: ProvisioningClient) -> QuerySet[Person]:
    return Person.objects.within_reach(client).select_related("user", "client__organisation")


def get(client: ProvisioningClient, number: UUID) -> Person:
    """Raises NotFound, also of other people's and of administrators."""
    found = listed(client).filter(pk=number).first()
    if found is None:
        raise NotFound
    return found


def profile(person: Person) -> Profile:
    user = person.user
    return Profile(
        user_name=names.shown_person(person.client, user.get_username()),
        external_id=person.external_id,
        given_name=user.first_name,
        family_name=user.last_name,
        display_name=person.display_name,
        email=user.email,
        active=user.is_active,
    )


def groups_of_each(client: ProvisioningClient, people: Sequence[Person]) -> dict[UUID, list[Group]]:
    """The groups of this client that they are in, with one query."""
    found: dict[UUID, list[Group]] = {person.pk: [] for person in people}
    rows = User.groups.through.objects.filter(user__in=found, group__provisioned__client=client)
    for row in rows.select_related("group__provisioned").order_by("group__name"):
        found[row.user_id].append(row.group)
    return found


def create(client: ProvisioningClient, wanted: Profile) -> Person:
    """A new account, or the one that its person has already: by their link to the identity provider, or, from before
    they were deleted there, by the external id. Never by a name or an e-mail address. Raises Uniqueness."""
    with change_of(client):
        person = _known(client, wanted) or links.linked(client, wanted) or _new(client)
        user = person.user
        if user.is_superuser or user.is_staff or user.is_service or user.organisation_id != client.organisation_id:
            raise Uniqueness("This account is not for SCIM to change.")
        is_new = user._state.adding
        person.left_at = None
        _store(person, wanted)
        record("scim.person.added", user, client=client.name, account="new" if is_new else "was there")
    return person


def _known(client: ProvisioningClient, wanted: Profile) -> Person | None:
    """Who was here before. A name may be somebody else's by now; an external id is not."""
    if not wanted.external_id:
        return None
    found = Person.objects.select_related("user").filter(client=client, external_id=wanted.external_id).first()
    if found is not None and found.left_at is None:
        raise Uniqueness("There is a person of this `externalId` already.")
    return found


def _new(client: ProvisioningClient) -> Person:
    user = User(organisation_id=client.organisation_id)
    user.set_unusable_password()
    return Person(user=user, client=client)


def change(
    client: ProvisioningClient, number: UUID, how: Callable[[Profile], Profile], *, expected: str = ""
) -> Person:
    """`expected`: the version that is to be changed. Raises NotFound, Changed and what `how` raises."""
    with change_of(client):
        person = get(client, number)
        before = profile(person)
        check_version(before, expected)
        wanted = how(before)
        if wanted != before:
            _store(person, wanted)
            changed = [name for name in Profile.__slots__ if getattr(before, name) != getattr(wanted, name)]
            record("scim.person.changed", person.user, client=client.name, fields=changed)
    return person


def delete(client: ProvisioningClient, number: UUID) -> None:
    """Closes the account and lets it go: what is in it is for an administrator to erase."""
    with change_of(client):
        person = get(client, number)
        _close(person)
        memberships.take_all(person.user, client.giver)
        person.left_at = timezone.now()
        person.save(update_fields=["closed", "left_at", "changed_at"])
        record("scim.person.removed", person.user, client=client.name)


def _store(person: Person, wanted: Profile) -> None:
    stored = replace(wanted, user_name=names.stored_person(person.client, wanted.user_name))
    if len(stored.user_name) > values.NAME:
        raise InvalidValue("`userName` is too long.")
    if person.user._state.adding or stored.user_name != person.user.get_username():
        names.require_person(person.client, stored.user_name)
    _check_unique(person.user, stored)
    _write(person.user, stored)
    person.external_id, person.display_name = wanted.external_id, wanted.display_name
    if wanted.active:
        _open(person)
    else:
        _close(person)
    person.save()
    links.link(person, wanted.user_name)


def _check_unique(user: User, wanted: Profile) -> None:
    """Names are apart by organisation; of addresses, those of other organisations are not looked at: a client learns
    from no answer, and from no longer wait, whom others have."""
    others = User.objects.exclude(pk=user.pk)
    if others.filter(username__iexact=wanted.user_name).exists():
        raise Uniqueness("Somebody has this `userName` already.")
    others = others.filter(organisation=user.organisation_id)
    addresses = EmailAddress.objects.filter(user__organisation=user.organisation_id).exclude(user=user.pk)
    if wanted.email and (
        others.filter(email__iexact=wanted.email).exists() or addresses.filter(email__iexact=wanted.email).exists()
    ):
        raise Uniqueness("Somebody has this e-mail address already.")


def _write(user: User, wanted: Profile) -> None:
    """What is the same is not written: each change of an account has its line in the trail."""
    is_new = user._state.adding
    fields = {
        "username": wanted.user_name,
        "first_name": wanted.given_name,
        "last_name": wanted.family_name,
        "email": wanted.email,
    }
    changed = [name for name, value in fields.items() if getattr(user, name) != value]
    for name in changed:
        setattr(user, name, fields[name])
    if is_new:
        user.save()
    elif changed:
        user.save(update_fields=changed)


def _open(person: Person) -> None:
    """What an administrator has closed stays closed, whatever the directory says."""
    if person.closed and not person.user.is_active:
        person.user.is_active = True
        person.user.save(update_fields=["is_active"])
    person.closed = False


def _close(person: Person) -> None:
    """Pages, sockets, running answers and keys of a closed account end within seconds. Its sessions, its password
    and its second factors (a passkey may open alone) are gone for good: they do not come back with the account."""
    user = person.user
    if not user.is_active:
        return
    person.closed, user.is_active = True, False
    user.save(update_fields=["is_active"])
    user.password = make_password(None)
    User.objects.filter(pk=user.pk).update(password=user.password)
    factors.remove_all(user)
    sessions.end_of(user, way=f"closed by {person.client.name}")
