"""What versions cost this month: exact to the last row, without reading what was summed already."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from inference import outcomes
from inference.models import ModelVersion, Outcome

pytestmark = pytest.mark.django_db
Clock = Callable[[datetime], None]
NOON = datetime(2026, 11, 20, 12, tzinfo=timezone.get_default_timezone())
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Clock:
    def turn(moment: datetime) -> None:
        monkeypatch.setattr(timezone, "now", lambda: moment)

    turn(NOON)
    return turn


def _version(name: str) -> ModelVersion:
    return ModelVersion.objects.create(name=name, kind="openai", base_url="https://llm.example/v1", model="m")


def _costs(version: ModelVersion, cost: str, when: datetime) -> uuid.UUID:
    row = Outcome.objects.create(engine="api", version=version, cost=Decimal(cost), turn=uuid.uuid4())
    Outcome.objects.filter(pk=row.pk).update(at=when)
    return row.turn or uuid.UUID(int=0)


def _spent(*versions: ModelVersion) -> list[Decimal]:
    found = outcomes.spent_this_month([one.pk for one in versions])
    return [found[one.pk] for one in versions]


def test_each_row_counts_once_also_one_that_is_committed_late(at: Clock) -> None:
    one = _version("one")
    _costs(one, "1", NOON - 5 * HOUR)
    _costs(one, "0.5", NOON - MINUTE)
    assert _spent(one) == [Decimal("1.5")]
    _costs(one, "0.25", NOON - 2 * MINUTE)  # later in the table, earlier by its clock
    assert _spent(one) == _spent(one) == [Decimal("1.75")]
    for hours in (1, 2, 30):
        at(NOON + hours * HOUR)
        _costs(one, "1", NOON + hours * HOUR)
    assert _spent(one) == [Decimal("4.75")]


def test_what_was_summed_is_not_read_again_and_what_is_new_is(at: Clock) -> None:
    one = _version("one")
    old, new = _costs(one, "2", NOON - HOUR), _costs(one, "3", NOON - MINUTE)
    assert _spent(one) == [5]
    Outcome.objects.filter(turn__in=[old, new]).delete()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert _spent(one) == [2]
    assert len(queries) == 1


def test_a_version_that_is_new_is_summed_from_the_begin_of_the_month(at: Clock) -> None:
    one, two = _version("one"), _version("two")
    _costs(one, "1", NOON - HOUR)
    _costs(two, "2", NOON - 300 * HOUR)
    assert _spent(one) == [1]
    assert _spent(one, two) == [1, 2]
    assert _spent() == []
    assert _spent(two, one) == [2, 1]


def test_a_new_month_begins_with_nothing(at: Clock) -> None:
    one = _version("one")
    last = datetime(2026, 11, 30, 23, 59, 59, tzinfo=NOON.tzinfo)
    at(last)
    _costs(one, "7", last - HOUR)
    _costs(one, "8", last)
    assert _spent(one) == [15]
    at(last + 2 * timedelta(seconds=1))
    assert _spent(one) == [0]
    _costs(one, "1", last + 2 * timedelta(seconds=1))
    assert _spent(one) == [1]


def test_a_clock_that_was_ahead_hides_nothing_once_it_is_mended(at: Clock) -> None:
    one = _version("one")
    _costs(one, "1", NOON - HOUR)
    at(NOON + 100 * HOUR)
    assert _spent(one) == [1]
    at(NOON)
    _costs(one, "400", NOON)
    assert _spent(one) == [401]


def test_what_was_corrected_is_right_within_two_hours(at: Clock) -> None:
    one = _version("one")
    turn = _costs(one, "400", NOON - HOUR)
    assert _spent(one) == [400]
    Outcome.objects.filter(turn=turn).update(cost=4)
    at(NOON + 2 * HOUR)
    assert _spent(one) == [4]
