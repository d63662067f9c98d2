"""Giving and taking roles, each with its line in the audit trail; and who has which."""

from __future__ import annotations

from collections.abc import Collection as Several
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from chatapp.accounts.models import User
from chatapp.errors import Invalid
from chatapp.governance.services import record
from chatapp.roles.models import Appointment, Role
from retrieval.models import Collection


def appoint(*, role: str, to: User | Group, collection: Collection | None = None, by: User | None) -> Appointment:
    """Raises Invalid."""
    if role not in Role.values:
        raise Invalid(f"There is no role named {role!r:.50}.", advice=f"Use one of {', '.join(Role.values)}.")
    if (role == Role.CURATOR) != (collection is not None):
        raise Invalid("A curator has a collection, and nobody else.")
    whose = {"user": to} if isinstance(to, User) else {"group": to}
    try:
        with transaction.atomic():
            made = Appointment.objects.create(role=role, collection=collection, **whose)
            record("role.given", _named(to), by, **_detail(made))
    except IntegrityError:
        raise Invalid("That role is given already.") from None
    return made


def dismiss(appointment: Appointment, *, by: User | None) -> None:
    with transaction.atomic():
        if Appointment.objects.filter(pk=appointment.pk).delete()[0]:
            record("role.taken", _named(appointment.user or appointment.group), by, **_detail(appointment))


def _named(whose: User | Group | None) -> User | str:
    """People as they are: their names are sealed."""
    return whose if isinstance(whose, User) else str(whose)


def _detail(appointment: Appointment) -> dict[str, Any]:
    collection = {"collection": appointment.collection.name} if appointment.collection else {}
    return {"role": str(appointment.role), "to": "a person" if appointment.user_id else "a group", **collection}


def collections_curated_by(user: Any) -> QuerySet[Appointment, Any]:
    """Their keys, as a subquery; an administrator's are not here."""
    return _of(user).filter(role=Role.CURATOR).values("collection")


def is_curator(user: Any) -> bool:
    return _is_there(user) and collections_curated_by(user).exists()


def is_auditor(user: Any) -> bool:
    """Also an administrator."""
    return _is_there(user) and (user.is_superuser or _of(user).filter(role=Role.AUDITOR).exists())


def has_any(user: Any) -> bool:
    return _is_there(user) and _of(user).exists()


def _is_there(user: Any) -> bool:
    return bool(user.is_authenticated and user.is_active)


def _of(user: Any) -> QuerySet[Appointment]:
    """By the groups as they are now: whoever leaves one has lost its roles."""
    return Appointment.objects.filter(Q(user=user.pk) | Q(group__in=Group.objects.filter(user=user.pk).values("pk")))


class Curators:
    """They read what they look after."""

    def collections_of(self, user: Any) -> QuerySet[Appointment, Any]:
        return collections_curated_by(user)

    def of_each(self, people: Several[Any]) -> Iterable[tuple[Any, UUID]]:
        curators = Appointment.objects.filter(role=Role.CURATOR)
        for whose in ("user", "group__user"):
            yield from curators.filter(**{f"{whose}__in": people}).values_list(whose, "collection")
