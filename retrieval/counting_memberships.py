"""Whose membership in which group counts. The application says so at start-up; without it, all of them do."""

from __future__ import annotations

from typing import Any, Protocol

from django.contrib.auth import get_user_model
from django.db.models import QuerySet


class CountingMemberships(Protocol):
    def __call__(self) -> QuerySet[Any]:
        """Rows that join people and groups: of `user` and `group`."""


def _all() -> QuerySet[Any]:
    rows: QuerySet[Any] = get_user_model().groups.through.objects.all()
    return rows


_memberships: CountingMemberships = _all


def connect(memberships: CountingMemberships) -> None:
    global _memberships
    _memberships = memberships


def counting_memberships() -> QuerySet[Any]:
    return _memberships()
