"""Budgets of a calendar month: what answers of models used for the people of an organisation or a group.

What counts is what outcomes say (inference/outcomes.py), added to a sum in the transaction that stores them, so that
each answer counts once, whichever process wrote it. An answer that has begun is written to its end: a budget may be
overdrawn by those that run when it is used up.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from chatapp.accounts.models import User
from chatapp.errors import ChatAppError, Invalid
from chatapp.governance import acting
from chatapp.governance.services import record
from chatapp.limits.models import Budget, Spent
from chatapp.limits.recent import Recent
from chatapp.organisations.boundaries import groups_that_count, organisation_of

MOST = 10_000  # that there may be: all of them are looked at


class BudgetSpent(ChatAppError):
    """Trying again helps when the next month has begun, or once the budget is larger: no program should wait for it."""

    code, http_status = "budget_spent", 429

    def __init__(self, whose: str) -> None:
        now = timezone.localtime()
        begins = next_month(now)
        self.retry_after_s = max(1, math.ceil((begins - now).total_seconds()))
        advice = f"It begins anew on {begins:%Y-%m-%d}; whoever administers Footnote can raise it before."
        super().__init__(f"What {whose} may use of models this month is used up.", advice=advice)


@dataclass(frozen=True, slots=True)
class Whose:
    budget: int
    organisation: UUID | None
    group: int | None

    def is_of(self, home: UUID, groups: set[int]) -> bool:
        return self.organisation == home if self.group is None else self.group in groups


def require_room(person: User) -> None:
    """Raises BudgetSpent; the first refusal of a month is written down. Nothing is asked where nobody has a budget."""
    if not (there := budgeted()):
        return
    groups = _groups(there, [person.pk])[person.pk]
    mine = [one.budget for one in there if one.is_of(person.tenant, groups)]
    months = Spent.objects.filter(budget__in=mine, month=this_month()).select_related("budget") if mine else ()
    for spent in months:
        if share(spent.budget, spent) >= 1:
            _note_stop(spent)
            raise BudgetSpent("your group" if spent.budget.group_id else "your organisation")


def count(spent: Sequence[tuple[str, int, Decimal]]) -> None:
    """Of whom, how many tokens at what cost. Askers who have no account, and people in no budget, count nowhere."""
    if not (there := budgeted()):
        return
    used = _sums(there, spent)
    with transaction.atomic():
        held = Budget.objects.select_for_update(no_key=True).filter(pk__in=used)  # in one order, by all
        for budget in held.order_by("pk"):
            _add(budget, *used[budget.pk])


def share(budget: Budget, spent: Spent | None) -> float:
    """Of what is bounded, that of which most is used: 1 where it is used up."""
    if spent is None:
        return 0.0
    parts = [spent.tokens / budget.tokens if budget.tokens else 0.0]
    return max(*parts, float(spent.cost / budget.cost) if budget.cost else 0.0)


def store(budget: Budget, *, by: User) -> None:
    """What is new about it holds within a second; that it is nearly or wholly used up is then said anew."""
    action = "budget.added" if budget.pk is None else "budget.changed"
    with transaction.atomic():
        if budget.pk is None:
            budget.made_at = timezone.now()
            _lock_and_require_place()
        budget.save()
        Spent.objects.filter(budget=budget, month=this_month()).update(warned_at=None, stopped_at=None)
        _write_down(action, budget, by)
    budgeted.changed()


def _lock_and_require_place() -> None:
    """Until the transaction ends nobody else adds one. Raises Invalid."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('budgets', 0))")
    require_place()


def require_place() -> None:
    """For one more. Raises Invalid."""
    if Budget.objects.count() >= MOST:
        raise Invalid(f"There are {MOST} budgets, as many as there may be.", advice="Remove one first.")


def remove_with_group(instance: Group, **_: Any) -> None:
    """Before the group goes: its budget goes with it, and has its line."""
    for budget in Budget.objects.filter(group=instance).select_related("group"):
        remove(budget, by=cast(User | None, acting.person()))


def remove(budget: Budget, *, by: User | None) -> None:
    with transaction.atomic():
        _write_down("budget.removed", budget, by)
        budget.delete()
    budgeted.changed()


def this_month() -> date:
    return timezone.localdate().replace(day=1)


def _read() -> tuple[Whose, ...]:
    rows = Budget.objects.order_by("pk").values_list("pk", "organisation", "group")
    return tuple(Whose(*row) for row in rows[:MOST])


budgeted = Recent(_read)


def _groups(there: Iterable[Whose], people: Iterable[UUID]) -> dict[UUID, set[int]]:
    """Asked only where some group has a budget."""
    if any(one.group is not None for one in there):
        return defaultdict(set, groups_that_count(people))
    return defaultdict(set)


def _sums(there: Sequence[Whose], spent: Iterable[tuple[str, int, Decimal]]) -> dict[int, tuple[int, Decimal]]:
    """By budget."""
    of_people = defaultdict[UUID, tuple[int, Decimal]](lambda: (0, Decimal(0)))
    for asker, tokens, cost in spent:
        if (person := _key(asker)) is not None and (tokens or cost):
            before = of_people[person]
            of_people[person] = before[0] + tokens, before[1] + cost
    groups = _groups(there, of_people)
    found = defaultdict[int, tuple[int, Decimal]](lambda: (0, Decimal(0)))
    for person, home in User.objects.filter(pk__in=of_people).values_list("pk", "organisation"):
        tokens, cost = of_people[person]
        for one in there:
            if one.is_of(home, groups[person]):
                found[one.budget] = found[one.budget][0] + tokens, found[one.budget][1] + cost
    return dict(found)


def _add(budget: Budget, tokens: int, cost: Decimal) -> None:
    """The budget's row is locked: each of its sums is seen by one."""
    spent, _is_new = Spent.objects.get_or_create(budget=budget, month=this_month())
    Spent.objects.filter(pk=spent.pk).update(tokens=F("tokens") + tokens, cost=F("cost") + cost)
    spent.refresh_from_db()
    if spent.warned_at is None and share(budget, spent) * 100 >= budget.warn_percent:
        Spent.objects.filter(pk=spent.pk).update(warned_at=timezone.now())
        _write_down("budget.warned", budget, None, used=spent)


def _note_stop(spent: Spent) -> None:
    with transaction.atomic():
        if Spent.objects.filter(pk=spent.pk, stopped_at=None).update(stopped_at=timezone.now()):
            _write_down("budget.stopped", spent.budget, None, used=spent)


def _write_down(action: str, budget: Budget, by: User | None, *, used: Spent | None = None) -> None:
    whose: Group | object = budget.organisation or budget.group
    said = {"used_tokens": used.tokens, "used_cost": str(used.cost.normalize())} if used else {}
    record(
        action,
        str(whose),
        by,
        organisation=organisation_of(whose),
        tokens=budget.tokens,
        cost=None if budget.cost is None else str(budget.cost),
        warn_percent=budget.warn_percent,
        **said,
    )


def next_month(now: datetime) -> datetime:
    """Its beginning here, also where clocks are changed in between."""
    year, month = (now.year + 1, 1) if now.month == 12 else (now.year, now.month + 1)
    return timezone.make_aware(datetime(year, month, 1))


def _key(asker: str) -> UUID | None:
    try:
        return UUID(asker)
    except ValueError:
        return None
