"""Which limits hold for a request: of the key, of the person, and of those who share one.

A person has their own limit; else the most generous of their groups; else that of their organisation; else that of
everybody; else that of the settings. Beside it hold the limit of the key, and those that a group, an organisation or
everybody has together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import F, QuerySet, Window
from django.db.models.functions import Coalesce, RowNumber

from chatapp.accounts.models import User
from chatapp.accounts.scopes import grant_of
from chatapp.limits.buckets import Bucket
from chatapp.limits.models import Limit, Resource
from chatapp.limits.recent import Recent
from chatapp.organisations.boundaries import groups_that_count

MOST = 10_000  # rows that are looked at


@dataclass(frozen=True, slots=True)
class Rule:
    resource: str
    amount: int
    seconds: int
    user: UUID | None = None
    group: int | None = None
    organisation: UUID | None = None
    key: UUID | None = None
    together: bool = False

    @property
    def generosity(self) -> float:
        return self.amount / (1 if self.resource == Resource.TURNS else self.seconds)


_COLUMNS = ("resource", "amount", "seconds", "user_id", "group_id", "organisation_id", "key_id", "together")


def _read() -> tuple[Rule, ...]:
    return tuple(Rule(*row) for row in _in_turn().values_list(*_COLUMNS)[:MOST])


def _in_turn() -> QuerySet[Limit]:
    """One of each organisation, then a second of each: the rows of one push out none of another. First are those that
    are of an organisation as a whole, which its organisers cannot make, and those of everybody."""
    home = Coalesce(
        "organisation_id", "user__organisation_id", "group__place__organisation_id", "key__user__organisation_id"
    )
    parts = (F("user").asc(nulls_first=True), F("group").asc(nulls_first=True), F("key").asc(nulls_first=True), "pk")
    turn = Window(RowNumber(), partition_by=[home], order_by=parts)
    return Limit.objects.annotate(turn=turn).order_by("turn", "pk")


rules = Recent(_read)


def groups_of(people: Sequence[User]) -> dict[UUID, set[int]]:
    """Asked only where some group has a limit."""
    if any(rule.group for rule in rules()):
        return groups_that_count(one.pk for one in people)
    return defaultdict(set)


def buckets_of(person: User, resource: Resource, groups: set[int]) -> list[Bucket]:
    """Each of them must have room."""
    about = [rule for rule in rules() if rule.resource == resource]
    buckets = []
    if own := _own(person, about, groups) or _of_settings(resource):
        buckets.append(_bucket(own, f"user:{person.pk}"))
    for rule in about:
        if rule.together and rule.group is None and rule.organisation is None:
            buckets.append(_bucket(rule, "all"))
        elif rule.together and rule.group in groups:
            buckets.append(_bucket(rule, f"group:{rule.group}"))
        elif rule.together and rule.organisation == person.tenant:
            buckets.append(_bucket(rule, f"organisation:{rule.organisation}"))
    return buckets + [_bucket(rule, f"key:{rule.key}") for rule in _of_key(person, about)]


def most_turns(person: User, groups: set[int]) -> int:
    """Answers at the same time: on the page, and again of programs."""
    own = _own(person, [rule for rule in rules() if rule.resource == Resource.TURNS], groups)
    return own.amount if own else int(settings.TURNS_PER_USER)


def most_turns_together(person: User) -> int | None:
    """Of all of their organisation: on the page, and again of programs."""
    about = (rule for rule in rules() if rule.resource == Resource.TURNS and rule.together)
    return next((rule.amount for rule in about if rule.organisation == person.tenant), None)


def most_turns_of_key(person: User) -> int | None:
    found = _of_key(person, [rule for rule in rules() if rule.resource == Resource.TURNS])
    return found[0].amount if found else None


def _own(person: User, about: Iterable[Rule], groups: set[int]) -> Rule | None:
    single = [rule for rule in about if not rule.together and rule.key is None]
    if mine := [rule for rule in single if rule.user == person.pk]:
        return mine[0]
    if theirs := [rule for rule in single if rule.group in groups]:
        return max(theirs, key=lambda rule: rule.generosity)
    others = [rule for rule in single if rule.user is None and rule.group is None]
    of_organisation = [rule for rule in others if rule.organisation == person.tenant]
    everybody = [rule for rule in others if rule.organisation is None]
    return next(iter(of_organisation + everybody), None)


def _of_key(person: User, about: Iterable[Rule]) -> list[Rule]:
    grant = grant_of(person)
    return [] if grant is None else [rule for rule in about if rule.key == grant.key]


def _of_settings(resource: Resource) -> Rule | None:
    rates = {
        Resource.REQUESTS: settings.LIMIT_REQUESTS,
        Resource.QUESTIONS: settings.LIMIT_QUESTIONS,
        Resource.TOKENS: settings.LIMIT_TOKENS,
        Resource.UPLOADS: settings.LIMIT_UPLOADS,
    }
    found = rates.get(resource)
    return Rule(resource, *found) if found else None


def _bucket(rule: Rule, whose: str) -> Bucket:
    """Another size is another bucket: what lies in the old one would be measured wrongly."""
    return Bucket(f"{rule.resource}:{whose}:{rule.amount}/{rule.seconds}", rule.amount, rule.seconds, rule.resource)
