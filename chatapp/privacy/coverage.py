"""What rules of retention cover, and what they would delete at their next run if that were now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import Group
from django.db.models import QuerySet

from chatapp.accounts.models import User
from chatapp.conversations.models import Conversation
from chatapp.organisations.boundaries import memberships
from chatapp.privacy.models import RetentionRule, RetentionRun
from chatapp.privacy.retention import due

MOST = 100_000  # conversations that are counted of one rule
RUNS = 5


@dataclass(frozen=True, slots=True)
class Coverage:
    """`due`: whichever rule is the shortest for them; both counts end at MOST."""

    people: int
    conversations: int
    due: int
    oldest: datetime | None  # the last message of the oldest one


@dataclass(frozen=True, slots=True)
class Covered:
    rule: RetentionRule | None  # None: everybody else is kept for good
    coverage: Coverage


def covered(rules: Sequence[RetentionRule]) -> list[Covered]:
    found = [Covered(rule, coverage(rule)) for rule in rules]
    if any(one.group_id is None for one in rules) or RetentionRule.objects.filter(group=None).exists():
        return found
    return [*found, Covered(None, _counted(_others(), due()))]


def coverage(rule: RetentionRule, *, trial: bool = False) -> Coverage:
    """`trial`: as it would be with this rule, which is not stored, or not as it is now."""
    if trial and _moves(rule):  # concerns those whom it left as well, who may fall to another rule
        return _counted(User.objects.all(), due(rule))
    people = _others(rule if trial else None) if rule.group is None else _of(rule.group)
    return _counted(people, due(rule if trial else None))


def _moves(trial: RetentionRule) -> bool:
    """Whether it is stored for another group than it would be for."""
    return RetentionRule.objects.filter(pk=trial.pk).exclude(group=trial.group_id).exists()


def due_now() -> int:
    """Of all rules together."""
    return due()[:MOST].count()


def last_runs() -> list[RetentionRun]:
    """The newest first: the last one, and before it those that deleted something."""
    last = RetentionRun.objects.order_by("-ended_at").first()
    if last is None:
        return []
    earlier = RetentionRun.objects.filter(conversations__gt=0).exclude(pk=last.pk).order_by("-ended_at")
    return [last, *earlier[: RUNS - 1]]


def _of(group: Group) -> QuerySet[User]:
    return User.objects.filter(pk__in=memberships().filter(group=group).values("user"))


def _others(trial: RetentionRule | None = None) -> QuerySet[User]:
    stored = RetentionRule.objects.exclude(group=None)
    ruled = (stored if trial is None or trial.pk is None else stored.exclude(pk=trial.pk)).values("group")
    return User.objects.exclude(pk__in=memberships().filter(group__in=ruled).values("user"))


def _counted(people: QuerySet[User], due_of_all: QuerySet[Conversation]) -> Coverage:
    theirs = Conversation.objects.filter(owner__in=people)
    oldest = theirs.order_by("updated_at").values_list("updated_at", flat=True).first()
    return Coverage(
        people.count(),
        theirs[:MOST].count(),
        due_of_all.filter(owner__in=people)[:MOST].count(),
        oldest,
    )
