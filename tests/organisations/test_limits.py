"""What an organisation may use is counted for it alone."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from chatapp.conversations import admission
from chatapp.conversations.admission import Question, Started
from chatapp.errors import Busy
from chatapp.limits import rules, slots
from chatapp.limits.models import Limit, Resource
from tests.conftest import Cast
from tests.limits.test_limits import allowed, limit
from tests.organisations.houses import Home, home


@pytest.fixture(autouse=True)
def fresh_rules() -> Any:
    rules.forget()
    yield
    rules.forget()


@pytest.fixture
def acme(cast: Cast) -> Home:
    return home("acme")


@pytest.mark.parametrize("resource", [Resource.REQUESTS, Resource.TOKENS, Resource.UPLOADS])
def test_the_people_of_an_organisation_share_its_limit_with_nobody_else(
    cast: Cast, acme: Home, resource: Resource
) -> None:
    limit(resource, 4, 3600, organisation=acme.organisation, together=True)
    assert (allowed(acme.person, 3, resource), allowed(acme.organiser, 3, resource)) == (3, 1)
    assert allowed(cast.alice, 9, resource) == 9


def test_each_person_of_an_organisation_has_its_limit_before_that_of_everybody(cast: Cast, acme: Home) -> None:
    limit(Resource.REQUESTS, 2, 3600)
    limit(Resource.REQUESTS, 3, 3600, organisation=acme.organisation)
    assert (allowed(acme.person, 9), allowed(acme.organiser, 9), allowed(cast.alice, 9)) == (3, 3, 2)
    limit(Resource.REQUESTS, 5, 3600, group=acme.group)
    assert allowed(acme.person, 9) == 5


def test_a_foreign_group_gives_no_limit(cast: Cast, acme: Home) -> None:
    limit(Resource.REQUESTS, 2, 3600)
    limit(Resource.REQUESTS, 50, 3600, group=acme.group)
    cast.alice.groups.add(acme.group)
    assert (allowed(cast.alice, 9), allowed(acme.person, 9)) == (2, 9)


def ask(*people: Any) -> list[Started | Exception]:
    return admission.ask_all([Question(one, "How many days?") for one in people])


def test_answers_at_the_same_time_are_counted_for_the_organisation_on_the_page(cast: Cast, acme: Home) -> None:
    limit(Resource.TURNS, 2, organisation=acme.organisation, together=True)
    first = ask(acme.person, acme.organiser, acme.person, cast.alice)
    assert [isinstance(one, Busy) for one in first] == [False, False, True, False]
    assert isinstance(ask(acme.organiser)[0], Busy) and isinstance(ask(cast.alice)[0], Started)


def test_and_again_of_programs(cast: Cast, acme: Home) -> None:
    limit(Resource.TURNS, 2, organisation=acme.organisation, together=True)
    held = [slots.take_slot(acme.person), slots.take_slot(acme.organiser)]
    with pytest.raises(Busy):
        slots.take_slot(acme.person)
    slots.take_slot(cast.alice)
    slots.free_slot(held[0])
    slots.take_slot(acme.person)


@pytest.mark.parametrize("wrong", [{"user": "person"}, {"group": "group"}])
def test_a_limit_is_of_one_thing(acme: Home, wrong: dict[str, str]) -> None:
    of = {name: getattr(acme, where) for name, where in wrong.items()}
    with pytest.raises(IntegrityError, match="limit_is_of_one_at_most"), transaction.atomic():
        Limit.objects.create(resource="requests", amount=1, organisation=acme.organisation, **of)


def test_the_limits_of_an_organisation_push_out_none_of_others(
    cast: Cast, acme: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for resource in Resource.values:
        limit(Resource(resource), 5, 60, user=acme.person)
        limit(Resource(resource), 5, 60, group=acme.group)
    limit(Resource.REQUESTS, 2, 60, user=cast.alice)
    limit(Resource.REQUESTS, 3, 60)
    limit(Resource.REQUESTS, 4, 60, organisation=acme.organisation, together=True)
    monkeypatch.setattr(rules, "MOST", 3)
    rules.forget()
    assert {rule.amount for rule in rules.rules()} == {2, 3, 4}
