"""How budgets stand, on their pages: what is used, where the pace leads, what used most, and the months before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from chatapp.accounts.models import User
from chatapp.conversations.models import Conversation, Message, Turn
from chatapp.limits import budgets, standing
from chatapp.limits.models import Budget, Spent
from inference.models import ModelVersion, Outcome
from tests.conftest import Cast, signed_in_client
from tests.organisations.houses import Home, home

PAGE = "/admin/limits/budget/"
_PRICED = {"kind": "openai", "base_url": "http://127.0.0.1:9/v1", "model": "m"}
_TENTH = datetime(2026, 11, 11, tzinfo=UTC)  # ten days of thirty have passed


@pytest.fixture
def acme(cast: Cast) -> Home:
    return home("acme")


def used(budget: Budget, tokens: int, cost: str = "0", **more: Any) -> Spent:
    return Spent.objects.create(budget=budget, month=budgets.this_month(), tokens=tokens, cost=Decimal(cost), **more)


def stands(budget: Budget, now: datetime | None = None) -> standing.Standing:
    return standing.standings([budget], now)[0]


def answered(person: User, version: ModelVersion, tokens: int, cost: str) -> None:
    chat = Conversation.objects.create(owner=person)
    messages = [Message.objects.create(conversation=chat, role=role, text="x") for role in ("user", "assistant")]
    turn = Turn.objects.create(asker=person, question=messages[0], answer=messages[1], running=False)
    Outcome.objects.create(
        turn=turn.pk, engine="api: m", version=version, prompt_tokens=tokens, cost=Decimal(cost), completion_tokens=0
    )


def test_the_pace_of_the_month_is_carried_on_to_its_end(acme: Home) -> None:
    own = Budget.objects.create(organisation=acme.organisation, tokens=1000, cost=Decimal("10"))
    used(own, 400, "2")
    tokens, cost = stands(own, _TENTH).measures
    assert (tokens.percent, tokens.expected, cost.percent, cost.expected) == (40, Decimal(1200), 20, Decimal(6))
    assert stands(own, _TENTH).runs_out == datetime(2026, 11, 26).date()
    assert stands(own, _TENTH).begins == datetime(2026, 12, 1).date()


def test_a_pace_that_suffices_runs_out_on_no_day(acme: Home) -> None:
    own = Budget.objects.create(organisation=acme.organisation, tokens=1000)
    used(own, 300)
    assert stands(own, _TENTH).runs_out is None


def test_what_is_hardly_used_lasts_beyond_all_dates(acme: Home) -> None:
    own = Budget.objects.create(organisation=acme.organisation, tokens=10**12)
    used(own, 1)
    assert stands(own, _TENTH).runs_out is None and stands(own, _TENTH).measures[0].expected == 3


def test_what_was_made_in_the_month_is_judged_by_its_own_days(acme: Home) -> None:
    own = Budget.objects.create(organisation=acme.organisation, tokens=1000, made_at=_TENTH - timedelta(days=5))
    used(own, 100)
    assert stands(own, _TENTH).measures[0].expected == 500  # 20 a day, for 25 days
    own.made_at = _TENTH - timedelta(hours=3)
    assert stands(own, _TENTH).measures[0].expected is None


@pytest.mark.parametrize(("tokens", "state"), [(0, "ready"), (79, "ready"), (80, "held"), (100, "failed")])
def test_the_mark_follows_the_level(acme: Home, tokens: int, state: str) -> None:
    own = Budget.objects.create(organisation=acme.organisation, tokens=100)
    used(own, tokens)
    assert stands(own).state == state


def test_a_budget_that_is_made_knows_since_when_it_counts(acme: Home, cast: Cast) -> None:
    own = Budget(group=acme.group, tokens=5)
    budgets.store(own, by=cast.administrator)
    made = Budget.objects.get().made_at
    assert made is not None and timezone.now() - made < timedelta(minutes=1)
    own.tokens = 6
    budgets.store(own, by=cast.administrator)
    assert Budget.objects.get().made_at == made


def test_groups_and_models_that_used_most_are_named_and_no_person(acme: Home, cast: Cast) -> None:
    large, small = (ModelVersion.objects.create(name=name, **_PRICED) for name in ("large", "small"))
    other = Group.objects.get(name="acme/board")
    answered(acme.person, large, 100, "3")
    answered(acme.organiser, small, 900, "1")
    answered(cast.alice, large, 10_000, "99")  # of another house
    whole = Budget.objects.create(organisation=acme.organisation, tokens=10_000)
    part = Budget.objects.create(group=acme.group, tokens=10_000)
    assert [(one.name, one.tokens, one.cost) for one in standing.by_group(whole)] == [(other.name, 100, Decimal("3"))]
    assert [(one.name, one.tokens) for one in standing.by_model(whole)] == [("large", 100), ("small", 900)]
    assert [(one.name, one.tokens) for one in standing.by_model(part)] == [("large", 100)]
    assert standing.by_group(part) == []


def test_what_was_used_before_the_budget_was_made_is_not_of_it(acme: Home) -> None:
    answered(acme.person, ModelVersion.objects.create(name="large", **_PRICED), 100, "3")
    later = timezone.now() + timedelta(seconds=1)
    assert standing.by_model(Budget(organisation=acme.organisation, tokens=5, made_at=later)) == []


def test_the_pages_say_what_becomes_of_a_budget(cast: Cast, acme: Home) -> None:
    own = Budget.objects.create(organisation=acme.organisation, tokens=1000, warn_percent=70)
    used(own, 1000, stopped_at=timezone.now())
    Spent.objects.create(budget=own, month=budgets.this_month() - timedelta(days=31), tokens=250)
    boss = signed_in_client(cast.administrator)
    shown = boss.get(PAGE).content.decode()
    for words in ("used up", "Questions are refused since", "It begins anew on", "1,000 of 1,000", "all who share it"):
        assert words in shown, words
    one = boss.get(f"{PAGE}{own.pk}/change/").content.decode()
    for words in ("Months", "25 %", "Groups that used most", "at 70 %"):
        assert words in one, words


def test_organisers_see_how_theirs_stand_and_no_others(cast: Cast, acme: Home) -> None:
    own = Budget.objects.create(organisation=acme.organisation, tokens=777)
    other = Budget.objects.create(organisation_id=cast.alice.tenant, tokens=888)
    client = signed_in_client(acme.organiser)
    shown = client.get(PAGE).content.decode()
    assert "0 of 777" in shown and "888" not in shown and "Set the first one" not in shown
    assert "Months" in client.get(f"{PAGE}{own.pk}/change/").content.decode()
    assert client.get(f"{PAGE}{other.pk}/change/").status_code in (302, 404)


def test_the_list_says_that_there_is_none_and_finds_by_name(cast: Cast, acme: Home) -> None:
    boss = signed_in_client(cast.administrator)
    assert "Set the first one" in boss.get(PAGE).content.decode()
    Budget.objects.create(group=acme.group, tokens=777)
    assert "0 of 777" in boss.get(f"{PAGE}?q=board").content.decode()
    assert "No budget of that name" in boss.get(f"{PAGE}?q=nobody").content.decode()
