from __future__ import annotations

import logging
from typing import Any

import pytest
import structlog
from django.test import Client
from structlog.testing import capture_logs

from chatapp.operations.logs import configure
from tests.conftest import Cast


def test_a_logger_that_was_used_before_logs_were_set_up_again_is_still_captured() -> None:
    configure()
    logger = structlog.get_logger("tests.logs")
    logger.info("used.once")
    configure()  # as a Celery worker in this process does
    with capture_logs() as logs:
        logger.info("used.again")
    assert [entry["event"] for entry in logs] == ["used.again"]


def test_the_scheduler_says_nothing_of_tasks_that_are_due_as_they_should_be() -> None:
    configure()
    logger = logging.getLogger("celery.beat")
    assert not logger.isEnabledFor(logging.INFO) and logger.isEnabledFor(logging.WARNING)


@pytest.mark.parametrize(("rate", "status"), [(None, 404), ((1, 3600), 429)])
def test_a_refused_request_is_logged_once(
    cast: Cast,
    client: Client,
    settings: Any,
    caplog: pytest.LogCaptureFixture,
    rate: tuple[int, int] | None,
    status: int,
) -> None:
    if rate:
        settings.LIMIT_REQUESTS = rate
    client.force_login(cast.alice)
    path = "/api/conversations/00000000-0000-4000-8000-000000000000/"
    if rate:
        client.get(path)
    caplog.clear()
    with caplog.at_level(logging.INFO), capture_logs() as ours:
        assert client.get(path).status_code == status
    told = [one["event"] for one in ours if "refused" in one["event"]]
    assert told == ["request.refused"] and not [one for one in caplog.records if one.name.startswith("django")]
