"""Documents that could not be finished: back they go, and whether the attempt counts depends on whose fault it was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import structlog
from django.conf import settings
from django.db import DatabaseError, connection

from retrieval.errors import AnotherEmbeddingModel, IndexUnavailable
from retrieval.outages import outage_behind
from retrieval.pipeline import leases
from retrieval.pipeline.leases import Lease
from retrieval.service.client import IndexClient

log = structlog.get_logger(__name__)

Fault = Literal["ours", "document", "unknown"]


def after(error: Exception, held: Sequence[Lease], stage: str) -> Fault:
    """Whose fault it was. Of several documents nobody knows whose: they keep their places, to be tried one by one."""
    if isinstance(error, AnotherEmbeddingModel):
        log.error("index.another_model", reason=str(error), advice=error.advice)
        fault: Fault = "ours"  # waits until the administrator has mended it
    elif isinstance(error, IndexUnavailable):
        log.warning("index.unavailable", reason=str(error))
        # A service that is up and still fails on this document must not keep it for ever: then the attempt counts.
        fault = "document" if _index_is_up() else "ours"
    else:
        outage = outage_behind(error)
        log.error("document.stage_failed", stage=stage, outage=outage.code if outage else "", exc_info=error)
        fault = "ours" if outage else "document"
    if fault == "document" and len(held) > 1:
        _give_back(held, 0.0, burn_attempt=False, to_the_end=False)
        return "unknown"
    pause = leases.INDEX_PAUSE_S if isinstance(error, IndexUnavailable) else leases.ERROR_PAUSE_S
    attempts = max((lease.attempts for lease in held), default=1)
    _give_back(held, pause * max(1, attempts), burn_attempt=fault == "document")
    return fault


def at_the_end(held: Sequence[Lease], seconds: float) -> None:
    """A clean stop is nobody's fault; running into the time limit of tasks counts."""
    overdue = seconds > settings.CELERY_TASK_TIME_LIMIT - 1
    connection.close()  # a statement may have been cut off in it
    _give_back(held, 0.0, burn_attempt=overdue, to_the_end=False)
    if held:
        log.info("documents.given_back", documents=len(held))


def at_the_turn(held: Sequence[Lease]) -> None:
    """The time of the task is up: another one goes on where this one was."""
    _give_back(held, 0.0, burn_attempt=False, to_the_end=False)


def _give_back(held: Sequence[Lease], pause_s: float, *, burn_attempt: bool, to_the_end: bool = True) -> None:
    try:
        leases.release_all(held, pause_s=pause_s, burn_attempt=burn_attempt, to_the_end=to_the_end)
    except DatabaseError as error:  # the leases end by themselves
        log.warning("documents.not_given_back", documents=len(held), reason=str(error))


def _index_is_up() -> bool:
    client = IndexClient(settings.RETRIEVAL)
    try:
        return client.status().ready
    except IndexUnavailable:
        return False
    finally:
        client.close()
