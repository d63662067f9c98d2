"""What answers of this month cost. The sum up to a while ago is kept, so that a look reads the newest rows alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db.models import OuterRef, Q, QuerySet, Subquery, Sum
from django.utils import timezone

from inference.models import Outcome

SETTLED = timedelta(minutes=10)  # no row is written so late, nor are clocks of machines so far apart
ANEW = timedelta(hours=1)  # then all is summed up again: a clock was mended, rows were corrected
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class _Sum:
    """Of the rows from `since`, the begin of a month, to `until`; begun `at`."""

    since: datetime
    until: datetime
    at: datetime
    cost: Decimal = _NOTHING

    def holds(self, since: datetime, now: datetime) -> bool:
        return self.since == since and self.until <= now and self.at <= now < self.at + ANEW


class Spending:
    """Holds one sum for each version that was asked about last. Threads may look at once: the last one's sums stay."""

    def __init__(self) -> None:
        self._sums: dict[UUID, _Sum] = {}

    def of(self, versions: Collection[UUID]) -> dict[UUID, Decimal]:
        """In the currency of the prices; 0 for a version that nobody asked."""
        now, since = timezone.now(), month_began()
        known = self._sums
        before = {pk: known[pk] for pk in versions if pk in known and known[pk].holds(since, now)}
        before |= {pk: _Sum(since, since, now) for pk in versions if pk not in before}
        after, spent = {}, {}
        for until in {one.until for one in before.values()}:  # one, or two where a version is new
            those = [pk for pk, one in before.items() if one.until == until]
            settled_at = max(until, now - SETTLED)
            for pk, settled, newer in _added(those, until, settled_at):
                after[pk] = replace(before[pk], until=settled_at, cost=before[pk].cost + settled)
                spent[pk] = after[pk].cost + newer
        self._sums = after
        return spent


def month_began() -> datetime:
    return timezone.localtime().replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def of_this_month() -> Subquery:
    """For a query of versions: what each of them cost."""
    rows: QuerySet[Outcome] = Outcome.objects.filter(version=OuterRef("pk"), at__gte=month_began())
    return Subquery(rows.order_by().values("version").annotate(cost_of_all=Sum("cost")).values("cost_of_all"))


def _added(versions: list[UUID], since: datetime, settled_at: datetime) -> Iterable[tuple[UUID, Decimal, Decimal]]:
    """-> for each version what its rows from `since` cost: up to `settled_at`, and from then on."""
    settled = Sum("cost", filter=Q(at__lt=settled_at), default=_NOTHING)
    newer = Sum("cost", filter=Q(at__gte=settled_at), default=_NOTHING)
    rows = Outcome.objects.filter(version__in=versions, at__gte=since).values("version")
    summed = rows.annotate(settled=settled, newer=newer).values_list("version", "settled", "newer")
    found = {pk: (early, late) for pk, early, late in summed}
    return [(pk, *found.get(pk, (_NOTHING, _NOTHING))) for pk in versions]
