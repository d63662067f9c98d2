from __future__ import annotations

import logging

import structlog
from structlog.testing import capture_logs

from chatapp.operations.logs import configure


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
