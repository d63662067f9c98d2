"""The hour, the day and the week of the system page: minutes, put together into so many columns as a plot shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chatapp.operations.figures.histograms import added
from chatapp.operations.models import Minute

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, slots=True)
class Span:
    """`label_every`: columns between two times that are written below a plot."""

    key: str
    label: StrOrPromise
    column: timedelta
    columns: int
    label_every: int
    shown: str  # how a time is written there, as Django's date filter has it
    each: StrOrPromise

    def begins(self, now: datetime) -> datetime:
        """At a whole column, of which the last one is not over yet."""
        since = datetime(2024, 1, 1, tzinfo=now.tzinfo)  # a Monday
        over = (now - since) // self.column
        return since + (over + 1 - self.columns) * self.column


SPANS = (
    Span("hour", _("Last hour"), timedelta(minutes=1), 60, 15, "H:i", _("a minute")),
    Span("day", _("Last day"), timedelta(minutes=15), 96, 24, "H:i", _("15 minutes")),
    Span("week", _("Last week"), timedelta(hours=2), 84, 12, "d M", _("2 hours")),
)


def span_of(key: str) -> Span:
    """The hour, where there is none of this name."""
    return next((one for one in SPANS if one.key == key), SPANS[0])


@dataclass(slots=True)
class Column:
    """The sums of some minutes, and the most of what was seen of queues; None: nobody looked."""

    at: datetime
    answers: int = 0
    failures: int = 0
    questions: int = 0
    cached: int = 0
    unanswered: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: Decimal = Decimal(0)
    documents: int = 0
    documents_failed: int = 0
    passages: int = 0
    running: int | None = None
    waiting: int | None = None
    documents_waiting: int | None = None
    first_token: list[int] = field(default_factory=list)
    speed: list[int] = field(default_factory=list)
    good: int = 0
    bad: int = 0


OF_ANSWERS = ("answers", "failures", "questions", "cached", "unanswered", "prompt_tokens", "completion_tokens", "cost")
_SUMS = (*OF_ANSWERS, "documents", "documents_failed", "passages")
_MOST = ("running", "waiting", "documents_waiting")
_READ = ("at", *_SUMS, *_MOST, "first_token", "speed")
_RATINGS = """
SELECT date_bin(%(column)s, updated_at, %(since)s), count(*) FILTER (WHERE value > 0), count(*) FILTER (WHERE value < 0)
  FROM feedback_rating WHERE updated_at >= %(since)s GROUP BY 1
"""


def columns_of(span: Span, now: datetime | None = None) -> list[Column]:
    """From the oldest on. At most 10,080 minutes are read."""
    since = span.begins(now or timezone.now())
    columns = [Column(since + number * span.column) for number in range(span.columns)]
    rows = Minute.objects.filter(at__gte=since, at__lt=since + span.columns * span.column)
    for at, *values in rows.values_list(*_READ).iterator(chunk_size=2000):
        _add(columns[(at - since) // span.column], values)
    for at, good, bad in _ratings(span, since):
        if 0 <= (place := (at - since) // span.column) < len(columns):
            columns[place].good, columns[place].bad = good, bad
    return columns


def _add(column: Column, values: Sequence[Any]) -> None:
    for name, value in zip(_READ[1:], values, strict=True):
        before = getattr(column, name)
        if name in _SUMS:
            setattr(column, name, before + value)
        elif name in _MOST:
            setattr(column, name, max((one for one in (before, value) if one is not None), default=None))
        elif value:
            setattr(column, name, added(before, value))


def _ratings(span: Span, since: datetime) -> Iterator[tuple[datetime, int, int]]:
    """By the day they were given, whenever the answer was."""
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"column": span.column, "since": since}
        cursor.execute(_RATINGS, values)
        yield from cursor.fetchall()
