"""Which rules hold for whom: groups are looked up only where a rule asks for them, for many people with one query."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from chatapp.accounts.models import User
from chatapp.database import Together
from chatapp.organisations.boundaries import groups_that_count
from chatapp.safety.masking.placeholders import Placeholders
from chatapp.safety.policy import Policy, Rules, rules_at_hand, rules_now

OPEN = Policy((), {})


@dataclass(frozen=True, slots=True)
class RulesFor:
    """What holds for some people, all of it as it was at one moment."""

    rules: Rules
    groups: Mapping[UUID, Collection[int]]  # by person; empty where no rule asks for groups

    def policy(
        self, user: User, where: str, collections: Collection[UUID] | None, placeholders: Placeholders | None = None
    ) -> Policy:
        """`collections`: those that are searched; None: any."""
        if self.rules.is_empty(where):
            return OPEN
        found = self.rules.policy(where, self.groups.get(user.pk, ()), collections, user.tenant)
        return replace(found, placeholders=placeholders)


def rules_for(users: Iterable[User], places: Iterable[str]) -> RulesFor:
    rules = rules_now()
    groups = groups_that_count(user.pk for user in users) if rules.ask_for_groups(places) else {}
    return RulesFor(rules, groups)


async def arules_for(user: User, places: Sequence[str]) -> RulesFor:
    """The same, without a wait for the database where it need not be asked."""
    rules = rules_at_hand()
    if rules is None or rules.ask_for_groups(places):
        return await _looked_up((user, places))
    return RulesFor(rules, {})


def _look_up(asked: Sequence[tuple[User, Sequence[str]]]) -> list[RulesFor]:
    found = rules_for((user for user, _ in asked), {where for _, places in asked for where in places})
    return [found] * len(asked)


_looked_up = Together[tuple[User, Sequence[str]], RulesFor](_look_up)
