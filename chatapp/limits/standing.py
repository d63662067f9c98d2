"""How a budget stands: what is used of it, where its pace leads by the month's end, what used most, and its months.

Shares of groups and models are read from the outcomes of this month, which name nobody; whose a group's are is told by
the questions on the pages. What programs ask, and what was deleted since, is in the budget's sum and in no group's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from django.contrib.auth.models import Group
from django.db import connection
from django.utils import timezone

from chatapp.limits.budgets import next_month, share, this_month
from chatapp.limits.models import Budget, Spent

MONTHS = 12
MOST = 10  # groups, and models, that are named
_EARLY = timedelta(days=1)  # before that no end is foretold

State = Literal["ready", "held", "failed"]


@dataclass(frozen=True, slots=True)
class Measure:
    """Tokens, or a cost in the currency of the prices."""

    name: Literal["tokens", "cost"]
    used: Decimal
    bound: Decimal
    expected: Decimal | None  # at the end of the month; None: too early to say

    @property
    def percent(self) -> int:
        return int(self.used / self.bound * 100)

    @property
    def width(self) -> float:
        """Of the bar: 0 to 100."""
        return min(100.0, float(self.used / self.bound * 100))

    @property
    def expected_width(self) -> float:
        return 0.0 if self.expected is None else min(100.0, float(self.expected / self.bound * 100))


@dataclass(frozen=True, slots=True)
class Standing:
    budget: Budget
    spent: Spent
    measures: tuple[Measure, ...]
    begins: date  # anew
    runs_out: date | None  # at this pace, where that is before the month's end

    @property
    def percent(self) -> int:
        return int(share(self.budget, self.spent) * 100)

    @property
    def used_up(self) -> bool:
        return share(self.budget, self.spent) >= 1

    @property
    def state(self) -> State:
        if self.used_up:
            return "failed"
        return "held" if self.percent >= self.budget.warn_percent else "ready"


@dataclass(frozen=True, slots=True)
class Share:
    """Of what was used in this month."""

    name: str
    tokens: int
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Month:
    spent: Spent
    percent: int  # of the budget as it is now

    @property
    def width(self) -> int:
        return min(100, self.percent)


def standings(budgets: Sequence[Budget], now: datetime | None = None) -> list[Standing]:
    """In the order in which they are given."""
    months = {row.budget_id: row for row in Spent.objects.filter(budget__in=budgets, month=this_month())}
    moment = timezone.localtime(now)
    return [_standing(one, months.get(one.pk) or Spent(budget=one, month=this_month()), moment) for one in budgets]


def history(budget: Budget) -> list[Month]:
    """The newest first, this one as well."""
    rows = budget.months.order_by("-month")[:MONTHS]
    return [Month(one, int(share(budget, one) * 100)) for one in rows]


def _standing(budget: Budget, spent: Spent, now: datetime) -> Standing:
    passed = _passed(budget, now)
    bounds = (("tokens", spent.tokens, budget.tokens), ("cost", spent.cost, budget.cost))
    measures = tuple(
        Measure(name, Decimal(used), Decimal(bound), _expected(Decimal(used), passed))  # type: ignore[arg-type]
        for name, used, bound in bounds
        if bound is not None
    )
    return Standing(budget, spent, measures, next_month(now).date(), _runs_out(budget, spent, now))


def _begins(budget: Budget, now: datetime) -> datetime:
    """When it began to count in this month."""
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return month if budget.made_at is None else max(month, timezone.localtime(budget.made_at))


def _passed(budget: Budget, now: datetime) -> tuple[timedelta, timedelta] | None:
    """-> how long it has counted, and how long it will have at the month's end; None: too early to say anything."""
    begins = _begins(budget, now)
    if now - begins < _EARLY:
        return None
    return now - begins, next_month(now) - begins


def _expected(used: Decimal, passed: tuple[timedelta, timedelta] | None) -> Decimal | None:
    return None if passed is None else used * Decimal(passed[1] / passed[0])


def _runs_out(budget: Budget, spent: Spent, now: datetime) -> date | None:
    used, passed = share(budget, spent), _passed(budget, now)
    if passed is None or not 0 < used < 1:
        return None
    if used * (passed[1] / passed[0]) <= 1:  # asked first: what is hardly used lasts for longer than dates go
        return None
    return (now + passed[0] * (1 / used - 1)).date()


# -- what used most ----------------------------------------------------------------------------------------------------
# Outcomes of before the budget was made are not of it.
_BY_GROUP = """
SELECT named.name, sum(one.prompt_tokens::bigint + one.completion_tokens), sum(one.cost)
FROM inference_outcome AS one
JOIN conversations_turn AS turn ON turn.id = one.turn
JOIN accounts_user AS asker ON asker.id = turn.asker_id
JOIN accounts_user_groups AS member ON member.user_id = asker.id
JOIN auth_group AS named ON named.id = member.group_id
WHERE one.at >= %s AND asker.organisation_id = %s AND named.id = ANY(%s)
GROUP BY named.name ORDER BY 3 DESC, 2 DESC, 1 LIMIT %s
"""
_BY_MODEL = """
SELECT coalesce(version.name, one.engine), sum(one.prompt_tokens::bigint + one.completion_tokens), sum(one.cost)
FROM inference_outcome AS one
JOIN conversations_turn AS turn ON turn.id = one.turn
JOIN accounts_user AS asker ON asker.id = turn.asker_id
LEFT JOIN inference_modelversion AS version ON version.id = one.version_id
WHERE one.at >= %s AND asker.organisation_id = %s AND (%s::int IS NULL OR EXISTS (
    SELECT FROM accounts_user_groups AS member WHERE member.user_id = asker.id AND member.group_id = %s))
GROUP BY 1 HAVING sum(one.prompt_tokens::bigint + one.completion_tokens) > 0 ORDER BY 3 DESC, 2 DESC, 1 LIMIT %s
"""


def by_group(budget: Budget) -> list[Share]:
    """Of an organisation's people. Who is in two groups counts for both; a group's own budget is of one."""
    if budget.organisation_id is None:
        return []
    groups = Group.objects.filter(place__organisation=budget.organisation_id).values_list("pk", flat=True)
    return _shares(_BY_GROUP, [_since(budget), budget.organisation_id, list(groups), MOST])


def by_model(budget: Budget) -> list[Share]:
    home: UUID = budget.organisation_id or budget.group.place.organisation_id  # type: ignore[union-attr]
    return _shares(_BY_MODEL, [_since(budget), home, budget.group_id, budget.group_id, MOST])


def _since(budget: Budget) -> datetime:
    return _begins(budget, timezone.localtime())


def _shares(statement: str, values: list[Any]) -> list[Share]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return [Share(str(name), int(tokens or 0), Decimal(cost or 0)) for name, tokens, cost in cursor.fetchall()]
