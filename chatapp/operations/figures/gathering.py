"""Minutes are summed up by the worker while their records are fresh, so that a page reads few rows however many
answers there were."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import connection
from django.utils import timezone

from chatapp.conversations.answer_cache import NOTE
from chatapp.conversations.models import Turn
from chatapp.operations import model_services
from chatapp.operations.figures.histograms import FIRST_TOKEN_MS, TOKENS_A_SECOND, counted
from chatapp.operations.figures.spans import OF_ANSWERS
from chatapp.operations.models import Minute
from inference.models import Outcome
from inference.rollouts.figures import OVERTAKEN
from retrieval.throughput.backlog import backlogs

log = structlog.get_logger(__name__)

KEPT = timedelta(days=35)
REACH = timedelta(days=8)  # so far back records are summed up that were there before the minutes were
LATE = timedelta(minutes=10)  # a turn that began has ended by then
MOST = timedelta(hours=12)  # of one call; what is left goes with the next
_LEAST_TOKENS = 8  # of an answer whose speed says something

_MINUTE = timedelta(minutes=1)
_SUMMED = (*OF_ANSWERS, "first_token", "speed", "documents", "documents_failed", "passages", "summed")

_ANSWERS = """
SELECT date_trunc('minute', at), count(*) FILTER (WHERE NOT failed AND code <> %(overtaken)s),
       count(*) FILTER (WHERE failed), sum(prompt_tokens), sum(completion_tokens), sum(cost)
  FROM inference_outcome WHERE at >= %(since)s AND at < %(until)s GROUP BY 1
"""
_FIRST_TOKENS = """
SELECT date_trunc('minute', at), width_bucket(first_token_ms, %(ends)s::int[]), count(*)
  FROM inference_outcome
 WHERE at >= %(since)s AND at < %(until)s AND first_token_ms IS NOT NULL GROUP BY 1, 2
"""
_SPEEDS = """
SELECT date_trunc('minute', at), width_bucket(completion_tokens * 1000.0 / writing_ms, %(ends)s::numeric[]), count(*)
  FROM inference_outcome
 WHERE at >= %(since)s AND at < %(until)s AND completion_tokens >= %(least)s AND writing_ms > 0 GROUP BY 1, 2
"""
_QUESTIONS = """
SELECT date_trunc('minute', turn.created_at), count(*),
       count(*) FILTER (WHERE answer.written_by @> jsonb_build_array(jsonb_build_object('note', %(note)s::text))),
       count(*) FILTER (WHERE answer.status IN ('failed', 'interrupted'))
  FROM conversations_turn turn JOIN conversations_message answer ON answer.id = turn.answer_id
 WHERE turn.created_at >= %(since)s AND turn.created_at < %(until)s GROUP BY 1
"""
_INGESTION = """
SELECT date_trunc('minute', at), sum(ready), sum(failed), sum(passages)
  FROM throughput_slot WHERE at >= %(since)s AND at < %(until)s GROUP BY 1
"""


def gather() -> int:
    """-> minutes that were summed up. Then looks at the queues."""
    now = timezone.now()
    since = _unsummed_since(now)
    until = min(_begun(now) + _MINUTE, since + MOST)
    minutes = _summed_up(since, until)
    Minute.objects.bulk_create(minutes, update_conflicts=True, unique_fields=["at"], update_fields=list(_SUMMED))
    _look_at_queues(_begun(now))
    return len(minutes)


def forget_old() -> int:
    return Minute.objects.filter(at__lt=timezone.now() - KEPT).delete()[0]


def _unsummed_since(now: datetime) -> datetime:
    newest = Minute.objects.filter(summed=True).order_by("-at").values_list("at", flat=True).first()
    if newest is None:
        oldest = Outcome.objects.order_by("at").values_list("at", flat=True).first()
        return _begun(max(oldest or now, now - REACH))
    return _begun(max(newest - LATE, now - REACH))


def _begun(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _summed_up(since: datetime, until: datetime) -> list[Minute]:
    """Each minute from `since`, also those in which nothing happened."""
    found: dict[datetime, dict[str, Any]] = defaultdict(dict)
    when = {"since": since, "until": until}
    names = ("answers", "failures", "prompt_tokens", "completion_tokens", "cost")
    _add(found, names, _ANSWERS, when | {"overtaken": OVERTAKEN})
    _add(found, ("questions", "cached", "unanswered"), _QUESTIONS, when | {"note": NOTE})
    _add(found, ("documents", "documents_failed", "passages"), _INGESTION, when)
    _count(found, "first_token", _FIRST_TOKENS, FIRST_TOKEN_MS, when)
    _count(found, "speed", _SPEEDS, TOKENS_A_SECOND, when | {"least": _LEAST_TOKENS})
    minutes = int((until - since) / _MINUTE)
    return [Minute(at=since + n * _MINUTE, summed=True, **found[since + n * _MINUTE]) for n in range(minutes)]


def _add(found: dict[datetime, dict[str, Any]], names: tuple[str, ...], query: str, values: dict[str, Any]) -> None:
    for at, *sums in _rows(query, values):
        found[at] |= dict(zip(names, sums, strict=True))


def _count(
    found: dict[datetime, dict[str, Any]], name: str, query: str, ends: tuple[int, ...], values: dict[str, Any]
) -> None:
    places: dict[datetime, list[tuple[int, int]]] = defaultdict(list)
    for at, place, number in _rows(query, values | {"ends": list(ends)}):
        places[at].append((place, number))
    for at, some in places.items():
        found[at][name] = counted(some, ends)


def _rows(query: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return list(cursor.fetchall())


def _look_at_queues(minute: datetime) -> None:
    """Several looks in one minute keep the most of each."""
    seen = {
        "running": Turn.objects.filter(running=True).count(),
        "waiting": model_services.waiting(),
        "documents_waiting": backlogs()[0].owed,
    }
    row, _ = Minute.objects.get_or_create(at=minute)
    for name, number in seen.items():
        before = getattr(row, name)
        setattr(row, name, max((one for one in (before, number) if one is not None), default=None))
    row.save(update_fields=list(seen))
