"""Tokens of models: how many an answer takes is known only behind it. So many as it may take are reserved before, and
what it did not use is given back; nothing is asked or written where nobody limits them.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import DatabaseError

from chatapp.accounts.models import User
from chatapp.database import in_database
from chatapp.limits import budgets
from chatapp.limits.buckets import Level
from chatapp.limits.models import Resource
from chatapp.limits.rules import buckets_of, groups_of
from chatapp.limits.services import Asked, acharge, atake, give_back

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reserved:
    """`levels`: how full the buckets are with it. Of 0 tokens: they are not limited."""

    tokens: int = 0
    levels: tuple[Level, ...] = ()
    questions: int = 0

    async def settle(self, person: User, used: int) -> None:
        """Once, when the answer is over."""
        if not self.tokens:
            return
        try:
            await acharge(person, Resource.TOKENS, used - self.tokens)
        except DatabaseError as error:  # what was reserved stays counted, and passes with time
            log.warning("tokens.not_settled", error=" ".join(str(error).split())[:200])

    async def give_back(self, person: User) -> None:
        """All of it, instead: the answer did not begin."""
        await self.settle(person, 0)
        if self.questions:
            await give_back(person, Resource.QUESTIONS, self.questions)


NOTHING = Reserved()


async def reserve(person: User, tokens: int | None = None, *, questions: int = 0) -> Reserved:
    """Raises LimitReached and BudgetSpent. Without a number: as many as an answer of the built-in model can take.
    Budgets count what was used when it is there."""
    costs = await _limited(person, tokens, questions)
    if not costs:
        return NOTHING
    levels = await atake(Asked(person, tuple(costs.items())))
    return Reserved(costs.get(Resource.TOKENS, 0), levels, costs.get(Resource.QUESTIONS, 0))


def _costs(person: User, tokens: int | None, questions: int) -> dict[Resource, int]:
    """Of what a limit holds for; nothing else is asked about in the database."""
    costs = {}
    budgets.require_room(person)
    if (most := smallest(person)) is not None:
        costs[Resource.TOKENS] = min(most, settings.INFERENCE.context_tokens if tokens is None else tokens)
    if questions and buckets_of(person, Resource.QUESTIONS, groups_of([person])[person.pk]):
        costs[Resource.QUESTIONS] = questions
    return costs


def smallest(person: User) -> int | None:
    """Bucket, which bounds what can be reserved. None: no limit holds."""
    found = buckets_of(person, Resource.TOKENS, groups_of([person])[person.pk])
    return min((bucket.amount for bucket in found), default=None)


_limited = in_database(_costs)
