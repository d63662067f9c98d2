"""Taking from limits, for all doors; what is refused is a typed error that says when to try again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from django.db import DatabaseError

from chatapp.accounts.models import User
from chatapp.database import Together, in_database
from chatapp.errors import TooOften
from chatapp.limits import buckets
from chatapp.limits.buckets import Fill, Level, Outcome
from chatapp.limits.models import Resource
from chatapp.limits.rules import buckets_of, groups_of

log = structlog.get_logger(__name__)

_UNITS = {1: "a second", 60: "a minute", 3600: "an hour", 86_400: "a day"}
_WORDS = {
    Resource.REQUESTS: "requests",
    Resource.QUESTIONS: "questions",
    Resource.TOKENS: "tokens of models",
    Resource.UPLOADS: "uploaded documents",
}


class LimitReached(TooOften):
    def __init__(self, levels: tuple[Level, ...], costs: Sequence[float]) -> None:
        """`levels` go into headers as well."""
        self.levels = levels
        waits = [level.wait_s(cost) for level, cost in zip(levels, costs, strict=True)]
        longest = max(range(len(levels)), key=lambda number: waits[number])
        super().__init__(retry_after_s=max(1, math.ceil(waits[longest])))
        bucket = levels[longest].bucket
        said = f"{bucket.amount} {_WORDS[Resource(bucket.resource)]} {_span(bucket.seconds)}"
        self.user_message = f"That is more than the {said} that are allowed."


def _span(seconds: int) -> str:
    return _UNITS.get(seconds, f"in {seconds} seconds")


@dataclass(frozen=True, slots=True)
class Asked:
    """By one request: so much of each of these."""

    person: User
    costs: tuple[tuple[Resource, float], ...] = ((Resource.REQUESTS, 1),)


def of_question(person: User) -> Asked:
    return Asked(person, ((Resource.REQUESTS, 1), (Resource.QUESTIONS, 1)))


def take_all(asked: Sequence[Asked]) -> list[tuple[Level, ...] | Exception]:
    """For each how full its buckets are now, or LimitReached: then nothing was taken. One call to the database."""
    groups = groups_of([one.person for one in asked])
    fills = [_fills(one, groups[one.person.pk]) for one in asked]
    return [_result(outcome, wanted) for outcome, wanted in zip(buckets.take(fills), fills, strict=True)]


def _fills(asked: Asked, groups: set[int]) -> list[Fill]:
    return [
        Fill(bucket, cost) for resource, cost in asked.costs for bucket in buckets_of(asked.person, resource, groups)
    ]


def _result(outcome: Outcome, wanted: Sequence[Fill]) -> tuple[Level, ...] | Exception:
    if outcome.allowed:
        return outcome.levels
    return LimitReached(outcome.levels, [fill.cost for fill in wanted])


def take(asked: Asked) -> tuple[Level, ...]:
    """Raises LimitReached."""
    (result,) = take_all([asked])
    if isinstance(result, Exception):
        raise result
    return result


atake = Together[Asked, tuple[Level, ...]](take_all)


def charge(person: User, resource: Resource, cost: float) -> None:
    """What was used beyond what was taken; below 0: what was taken too much."""
    if cost:
        found = buckets_of(person, resource, groups_of([person])[person.pk])
        buckets.charge([Fill(bucket, cost) for bucket in found])


acharge = in_database(charge)


async def give_back(person: User, resource: Resource, cost: float) -> None:
    """What was taken for something that did not begin."""
    try:
        await acharge(person, resource, -cost)
    except DatabaseError as error:  # it stays counted, and passes with time
        log.warning("limit.not_given_back", resource=str(resource), error=" ".join(str(error).split())[:200])
