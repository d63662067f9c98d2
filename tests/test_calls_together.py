"""Calls that come in the same moment go to the database as one, and none of them hears of another's trouble."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from django.db import DataError, IntegrityError, OperationalError

from chatapp.accounts.models import User
from chatapp.database import Together
from retrieval.models import Collection
from tests.conftest import Cast


class Doubled:
    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, values: Sequence[int]) -> list[int | Exception]:
        self.calls.append(len(values))
        if 13 in values:
            raise IntegrityError("13")
        if 17 in values:
            raise KeyError("17")
        return [ValueError(str(value)) if value == 7 else 2 * value for value in values]


def test_a_hundred_calls_take_few_queries_and_each_gets_its_own_result(transactional_db: None) -> None:
    function = Doubled()
    together = Together[int, int](function)

    async def run() -> list[int | BaseException]:
        return await asyncio.gather(*(together(value) for value in range(20, 120)), return_exceptions=True)

    assert asyncio.run(run()) == [2 * value for value in range(20, 120)]
    assert sum(function.calls) == 100 and len(function.calls) <= 3
    assert asyncio.run(run()) == [2 * value for value in range(20, 120)], "in another event loop too"


def test_one_that_fails_fails_alone(transactional_db: None) -> None:
    together = Together[int, int](Doubled())

    async def run() -> list[int | BaseException]:
        gone = asyncio.create_task(together(1))
        await asyncio.sleep(0)
        gone.cancel()
        return await asyncio.gather(*(together(value) for value in range(5, 20)), return_exceptions=True)

    found = asyncio.run(run())
    assert isinstance(found[7 - 5], ValueError) and isinstance(found[13 - 5], IntegrityError)
    assert isinstance(found[17 - 5], KeyError), "also with what is no error of the database"
    assert [value for value in found if isinstance(value, int)] == [2 * n for n in range(5, 20) if n not in (7, 13, 17)]


def test_a_call_that_comes_as_the_last_workers_end_is_worked_on(monkeypatch: pytest.MonkeyPatch) -> None:
    together = Together[int, int](Doubled())
    answered = asyncio.Event()

    async def at_once(values: Sequence[int]) -> list[int | Exception]:
        await answered.wait()
        return [2 * value for value in values]

    monkeypatch.setattr(together, "_function", at_once)

    async def twice() -> int:
        return await together(1) + await together(2)  # asked in the step in which the first answer comes

    async def run() -> int:
        asking = asyncio.create_task(twice())
        await asyncio.sleep(0)
        other = asyncio.create_task(together(3))  # a worker of its own: both end in one pass of the loop
        await asyncio.sleep(0.01)
        answered.set()
        assert await other == 6
        return await asyncio.wait_for(asking, 2)

    assert asyncio.run(run()) == 6


@pytest.mark.parametrize("spoilt", [False, True])
def test_a_database_that_is_away_is_waited_for_once_and_not_by_each(transactional_db: None, spoilt: bool) -> None:
    calls: list[int] = []

    def away(values: Sequence[int]) -> list[int | Exception]:
        calls.append(len(values))
        if spoilt and len(values) > 1:  # and one of the values is wrong besides
            raise DataError
        raise OperationalError("no connection within 10 s")

    together = Together[int, int](away)

    async def run() -> list[int | BaseException]:
        return await asyncio.gather(*(together(value) for value in range(100)), return_exceptions=True)

    assert all(isinstance(found, OperationalError) for found in asyncio.run(run()))
    assert len(calls) <= 4


@pytest.mark.parametrize("everyone", [False, True])
def test_many_people_together_read_what_each_reads_alone(cast: Cast, everyone: bool) -> None:
    closed = User.objects.create_user("closed", is_active=False)
    cast.alice.groups.add(Group.objects.get(name="members"))  # two roads to the same collection
    people = [cast.alice, cast.bob, cast.charlie, cast.administrator, closed, AnonymousUser(), cast.alice]
    for name, readers in (("of both", ["owners", "members"]), ("of owners", ["owners"]), ("of nobody", [])):
        collection = Collection.objects.create(name=name, everyone=everyone and name == "of nobody")
        collection.readers.set(Group.objects.filter(name__in=readers))
    closed.groups.set(Group.objects.all())
    together = Collection.objects.reach_of_each(people)
    for person in people:
        alone = Collection.objects.readable_by(person).values_list("pk", flat=True)
        assert together[person.pk].collections == frozenset(alone), person
