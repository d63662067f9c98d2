"""Which rules hold for whom, and what it costs to know."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chatapp.database import in_database
from chatapp.safety import askers, policy
from chatapp.safety.askers import RulesFor, arules_for, rules_for
from chatapp.safety.models import FilterRule, WordList
from tests.conftest import Cast

PLACES = ("question", "passages")


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "_kept", policy._Kept(policy.Rules(()), (), float("-inf")))


def a_second_later() -> None:
    policy.forget()


def rule(**more: Any) -> FilterRule:
    return FilterRule.objects.create(**{"what": "email", "where": "question", "action": "mask"} | more)


def test_groups_are_looked_up_where_a_rule_asks_for_them_with_one_query_for_all(cast: Cast) -> None:
    people = [cast.alice, cast.bob, cast.charlie]
    rule()
    with CaptureQueriesContext(connection) as queries:
        rules = rules_for(people, PLACES)
    assert len(queries) == 1 and not rules.groups
    assert [rules.policy(one, "question", None).actions for one in people] == [{"email": "mask"}] * 3
    assert rules.policy(cast.alice, "passages", None) is askers.OPEN
    rule(action="allow", group=Group.objects.get(name="members"))
    a_second_later()
    with CaptureQueriesContext(connection) as queries:
        rules = rules_for(people, PLACES)
    assert len(queries) == 2
    allowed = [rules.policy(one, "question", None).actions == {} for one in people]
    assert allowed == [False, True, False]
    with CaptureQueriesContext(connection) as queries:
        rules_for(people, ["passages"])
    assert not queries.captured_queries


async def test_the_database_is_asked_once_a_second_where_no_rule_is_about_groups(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[RulesFor] = []
    look_up = askers._looked_up

    async def counting(asked: Any) -> RulesFor:
        looked.append(await look_up(asked))
        return looked[-1]

    monkeypatch.setattr(askers, "_looked_up", counting)
    await in_database(rule)()
    for _ in range(3):
        rules = await arules_for(cast.alice, PLACES)
        assert rules.policy(cast.alice, "question", None).actions == {"email": "mask"}
    assert len(looked) == 1
    await in_database(rule)(action="allow", group=await Group.objects.aget(name="owners"))
    a_second_later()
    for _ in range(3):
        rules = await arules_for(cast.alice, PLACES)
        assert rules.policy(cast.alice, "question", None).actions == {}
    assert len(looked) == 4


def test_policies_are_made_once_until_something_is_written_anew(cast: Cast) -> None:
    words = WordList.objects.create(name="Projects", terms="Blue Falcon")
    rule(what="words", words=words)

    def now() -> policy.Policy:
        a_second_later()
        return policy.policy("question", (), None)

    first = now()
    assert now() is first and now() is policy.policy("question", {7}, ())  # no rule knows group 7
    WordList.objects.update(terms="Red Kite")
    second = now()
    assert second is not first and "Kite" not in second.applied("Red Kite")
    rule(where="answer")
    assert now() is not second


def test_few_policies_are_kept(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "_MOST", 2)
    rules = policy.Rules([FilterRule(what="email", where="question", action="mask", group_id=n) for n in range(9)])
    for number in range(9):
        assert rules.policy("question", {number}, None, cast.alice.tenant).actions == {"email": "mask"}
    assert len(rules._made) <= 2
