"""What became of the answers of one version within a roll-out."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from statistics import median
from uuid import UUID

from django.db.models import Q, QuerySet

from inference.errors import ContextTooLong, QuestionRefused
from inference.models import Outcome, Rollout

MOST = 8000  # answers of each version that are compared: the first ones, so that a look gives the same each time
_LEAST_TOKENS = 8  # the pace of a few words says nothing
_OF_THE_QUESTION = (QuestionRefused.code, ContextTooLong.code)
OVERTAKEN, STOPPED = "overtaken", "stopped"  # another engine, asked as well, was faster; the asker gave up

Series = tuple[tuple[int, float], ...]  # (place among all answers, value), in their order


@dataclass(frozen=True, slots=True)
class Figures:
    failed: Series  # 1.0 where it failed
    first_token_ms: Series  # infinite where nobody waited for it
    tokens_a_second: Series
    bad: Series  # of rated answers: 1.0 where they were rated bad


@dataclass(frozen=True, slots=True)
class Outright:
    """The newest answers of the new version failed one after the other, and what the current one did meanwhile."""

    in_a_row: int
    current_answered: int
    current_failed: int
    always: bool = False  # it has not answered yet


def figures_of(rollout: Rollout, version: UUID) -> Figures:
    """Only answers that count in this roll-out: those of the people and the time for whom one of both was drawn."""
    waits, paces, failures = [], [], []
    fields = ("pk", "failed", "code", "first_token_ms", "writing_ms", "completion_tokens")
    ours = _judged(Outcome.objects.filter(rollout=rollout, version=version)).order_by("pk")
    for pk, failed, code, first_token_ms, writing_ms, tokens in ours.values_list(*fields)[: _most(rollout)]:
        failures.append((pk, float(failed)))
        if first_token_ms is None and code in (OVERTAKEN, STOPPED):
            waits.append((pk, inf))
        elif not failed and first_token_ms is not None:
            waits.append((pk, float(first_token_ms)))
        if not failed and writing_ms and tokens >= _LEAST_TOKENS:
            paces.append((pk, 1000.0 * (tokens - 1) / writing_ms))
    return Figures(tuple(failures), tuple(waits), tuple(paces), _bad(ours, _most(rollout)))


def _bad(outcomes: QuerySet[Outcome], most: int) -> Series:
    """The first rating of each person: one alone does not decide."""
    rated = outcomes.filter(rating__isnull=False).order_by("person", "pk").distinct("person")
    rows = sorted(rated.values_list("pk", "rating"))[:most]
    return tuple((pk, float(rating < 0)) for pk, rating in rows if rating is not None)


def _judged(outcomes: QuerySet[Outcome]) -> QuerySet[Outcome]:
    """Of refusals of questions, and of stops before the first text, one for each person: alone they can be brought
    about, together they are a fault. People who are not known count as one.
    """
    at_will = Q(code__in=_OF_THE_QUESTION) | Q(code=STOPPED, first_token_ms__isnull=True)
    first = outcomes.filter(at_will).order_by("person", "pk").distinct("person").values("pk")
    return outcomes.exclude(at_will & ~Q(pk__in=first))


def outright_of(rollout: Rollout, most: int) -> Outright:
    """Of the current version also the answers in place of the new one: they show that it does answer."""
    ours = _judged(Outcome.objects.filter(rollout=rollout, version=rollout.new_id)).order_by("-pk")
    ours = ours.exclude(failed=False, first_token_ms__isnull=True)  # stopped or overtaken: it neither failed nor wrote
    newest = list(ours.values_list("pk", "failed")[: most + 1])
    in_a_row = next((n for n, (_, failed) in enumerate(newest) if not failed), len(newest))
    meanwhile = _judged(Outcome.objects.filter(version=rollout.current_id, at__gte=rollout.started_at))
    if in_a_row < len(newest):
        meanwhile = meanwhile.filter(pk__gt=newest[in_a_row][0])
    answered = _count(meanwhile.filter(first_token_ms__isnull=False, failed=False))
    return Outright(in_a_row, answered, _count(meanwhile.filter(failed=True)), always=in_a_row == len(newest))


def _count(outcomes: QuerySet[Outcome]) -> int:
    return outcomes[:MOST].count()


def _most(rollout: Rollout) -> int:
    return max(MOST, 2 * rollout.least_answers, 2 * rollout.least_ratings)


def values_of(series: Series) -> tuple[float, ...]:
    return tuple(value for _, value in series)


def percent(values: tuple[float, ...]) -> float:
    return 100 * sum(values) / len(values) if values else 0.0


def middle(values: tuple[float, ...]) -> float:
    return median(values) if values else 0.0
