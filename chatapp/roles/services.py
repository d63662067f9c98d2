"""Giving and taking roles, each with its line in the audit trail; and who has which."""

from __future__ import annotations

from collections.abc import Collection as Several
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, Q, QuerySet

from chatapp.accounts.models import User
from chatapp.errors import Invalid
from chatapp.governance.services import record
from chatapp.organisations.boundaries import groups_of, organisation_of
from chatapp.roles.models import Appointment, Role
from retrieval.models import Collection


def appoint(*, role: str, to: User | Group, collection: Collection | None = None, by: User | None) -> Appointment:
    """Raises Invalid."""
    if role not in Role.values:
        raise Invalid(f"There is no role named {role!r:.50}.", advice=f"Use one of {', '.join(Role.values)}.")
    if (role == Role.CURATOR) != (collection is not None):
        raise Invalid("A curator has a collection, and nobody else.")
    if collection is not None and collection.tenant != organisation_of(to):
        raise Invalid("That collection is of another organisation.", advice="Choose one of theirs.")
    whose = {"user": to} if isinstance(to, User) else {"group": to}
    try:
        with transaction.atomic():
            made = Appointment.objects.create(role=role, collection=collection, **whose)
            record("role.given", _named(to), by, organisation=organisation_of(to), **_detail(made))
    except IntegrityError:
        raise Invalid("That role is given already.") from None
    return made


def dismiss(appointment: Appointment, *, by: User | None) -> None:
    with transaction.atomic():
        if Appointment.objects.filter(pk=appointment.pk).delete()[0]:
            whose = appointment.user or appointment.group
            home = organisation_of(whose) if whose else None
            record("role.taken", _named(whose), by, organisation=home, **_detail(appointment))


def _named(whose: User | Group | None) -> User | str:
    """People as they are: their names are sealed."""
    return whose if isinstance(whose, User) else str(whose)


def _detail(appointment: Appointment) -> dict[str, Any]:
    collection = {"collection": appointment.collection.name} if appointment.collection else {}
    return {"role": str(appointment.role), "to": "a person" if appointment.user_id else "a group", **collection}


def collections_curated_by(user: Any) -> QuerySet[Collection, Any]:
    """Their keys, as a subquery; an administrator's are not here. An organiser looks after all of the organisation."""
    return _looked_after(_of(user), user.organisation_id)


def collections_curated_by_group(group: Group, organisation: UUID) -> QuerySet[Collection, Any]:
    """The same of whoever is in this group of that organisation."""
    return _looked_after(Appointment.objects.filter(group=group), organisation)


def _looked_after(held: QuerySet[Appointment], organisation: UUID) -> QuerySet[Collection, Any]:
    curated = held.filter(role=Role.CURATOR).values("collection")
    organised = Exists(held.filter(role=Role.ORGANISER))
    return Collection.objects.filter(tenant=organisation).filter(Q(pk__in=curated) | organised).values("pk")


def is_curator(user: Any) -> bool:
    """Also an organiser, of whatever is made."""
    return _is_there(user) and _of(user).filter(role__in=[Role.CURATOR, Role.ORGANISER]).exists()


def is_organiser(user: Any) -> bool:
    """Of their organisation; an administrator is not asked about here."""
    return _is_there(user) and _of(user).filter(role=Role.ORGANISER).exists()


def is_auditor(user: Any) -> bool:
    """Also an organiser and an administrator. Of their organisation alone, but for an administrator."""
    may = (Role.AUDITOR, Role.ORGANISER)
    return _is_there(user) and (user.is_superuser or _of(user).filter(role__in=may).exists())


def has_any(user: Any) -> bool:
    return _is_there(user) and _of(user).exists()


def _is_there(user: Any) -> bool:
    return bool(user.is_authenticated and user.is_active)


def _of(user: Any) -> QuerySet[Appointment]:
    """By the groups as they are now: whoever leaves one has lost its roles. Those of another organisation give none."""
    groups = groups_of(user.organisation_id).filter(user=user.pk)
    return Appointment.objects.filter(Q(user=user.pk) | Q(group__in=groups.values("pk")))


class Curators:
    """They read what they look after."""

    def collections_of(self, user: Any) -> QuerySet[Collection, Any]:
        return collections_curated_by(user)

    def of_each(self, people: Several[Any]) -> Iterable[tuple[Any, UUID]]:
        """Whoever asks leaves out what is of another tenant."""
        given = Appointment.objects.filter(role__in=[Role.CURATOR, Role.ORGANISER])
        mine = given.filter(user__in=people).values_list("user", "user__organisation", "collection")
        counting = Q(group__place__organisation=F("group__user__organisation"))
        by_group = given.filter(counting, group__user__in=people)
        held = [*mine, *by_group.values_list("group__user", "group__user__organisation", "collection")]
        yield from ((person, collection) for person, _, collection in held if collection is not None)
        organised = [(person, organisation) for person, organisation, collection in held if collection is None]
        yield from _all_of(organised)


def _all_of(organised: Several[tuple[Any, UUID]]) -> Iterable[tuple[Any, UUID]]:
    if not organised:
        return
    rows = Collection.objects.filter(tenant__in={organisation for _, organisation in organised})
    there = list(rows.values_list("tenant", "pk"))
    yield from ((person, pk) for person, organisation in organised for tenant, pk in there if tenant == organisation)
