"""What this month has cost so far, and what it will if it goes on like this."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Q
from django.utils import timezone

from inference import outcomes
from inference.models import ModelVersion

_MOST = 50  # versions that are listed
_EARLY = Decimal("0.03")  # of a month: before that no end is foretold


@dataclass(frozen=True, slots=True)
class Spent:
    """In the currency of the prices."""

    name: str
    spent: Decimal
    budget: Decimal | None
    expected: Decimal | None  # at the end of the month; None: too early to say

    @property
    def look(self) -> str:
        """'' where there is no budget, or it will do."""
        if self.budget is None or not self.budget:
            return ""
        if self.spent >= self.budget:
            return "missing"
        return "weak" if self.expected is not None and self.expected > self.budget else "ok"


def this_month(now: datetime | None = None) -> list[Spent]:
    """Of versions with a price or a budget."""
    priced = Q(price_prompt__gt=0) | Q(price_completion__gt=0) | Q(monthly_budget__isnull=False)
    versions = list(ModelVersion.objects.filter(priced).order_by("name")[:_MOST])
    spent = outcomes.spent_this_month([one.pk for one in versions]) if versions else {}
    passed = _passed(timezone.localtime(now))
    return [
        Spent(one.name, spent[one.pk], one.monthly_budget, spent[one.pk] / passed if passed >= _EARLY else None)
        for one in versions
    ]


def _passed(now: datetime) -> Decimal:
    """The share of the month."""
    _, days = monthrange(now.year, now.month)
    return (Decimal(now.day - 1) + Decimal(now.hour * 60 + now.minute) / 1440) / days
