from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from retrieval.versions import tasks
from retrieval.versions.current import serving_for_writing
from retrieval.versions.models import IndexVersion

NIGHT = datetime(2026, 11, 21, 3, 10, tzinfo=UTC)


@pytest.fixture
def weekly(settings: Any, transactional_db: None) -> IndexVersion:
    settings.RETRIEVAL = dataclasses.replace(settings.RETRIEVAL, reindex_days=7, reindex_hour=3)
    with transaction.atomic():
        return serving_for_writing()


def versions_at(moment: datetime, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("retrieval.versions.tasks.timezone.now", lambda: moment)
    tasks.begin_scheduled()
    return IndexVersion.objects.count()


@pytest.mark.parametrize(
    ("age", "moment", "versions"),
    [
        (timedelta(days=7), NIGHT, 2),
        (timedelta(days=7) - timedelta(minutes=30), NIGHT, 2),
        (timedelta(days=3), NIGHT, 1),
        (timedelta(days=9), NIGHT + timedelta(hours=1), 1),
    ],
)
def test_a_version_is_built_in_its_hour_once_its_days_have_passed(
    weekly: IndexVersion, age: timedelta, moment: datetime, versions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    IndexVersion.objects.update(created_at=moment - age)
    assert versions_at(moment, monkeypatch) == versions


def test_one_build_at_a_time(weekly: IndexVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    IndexVersion.objects.update(created_at=NIGHT - timedelta(days=8))
    assert versions_at(NIGHT, monkeypatch) == 2
    IndexVersion.objects.update(created_at=NIGHT - timedelta(days=8))
    assert versions_at(NIGHT, monkeypatch) == 2


def test_without_days_nothing_is_built(weekly: IndexVersion, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RETRIEVAL = dataclasses.replace(settings.RETRIEVAL, reindex_days=0)
    IndexVersion.objects.update(created_at=NIGHT - timedelta(days=80))
    assert versions_at(NIGHT, monkeypatch) == 1
