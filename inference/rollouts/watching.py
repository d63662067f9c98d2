"""Watches running roll-outs, and rolls a bad version back. Works in any number of processes at once."""

from __future__ import annotations

from contextlib import suppress
from threading import Lock
from time import monotonic

import structlog
from django.db import DatabaseError

from inference.models import Rollout
from inference.rollouts.changes import NoRollout, undo
from inference.rollouts.judging import judge

log = structlog.get_logger(__name__)

BETWEEN_S = 3.0  # looks that come with new outcomes, in one process

_turn = Lock()
_looked_at = float("-inf")


def watch() -> int:
    """-> how many roll-outs this call has undone."""
    running = Rollout.objects.filter(state=Rollout.State.RUNNING).select_related("route", "current", "new")
    undone = 0
    for rollout in running:
        if reason := judge(rollout).reason:
            with suppress(NoRollout):  # its route was deleted meanwhile
                undone += undo(rollout, reason)
    return undone


def watch_now_and_then() -> None:
    """Called where outcomes come in: without a worker, too, a bad version takes itself back. Cheap most of the time."""
    global _looked_at
    with _turn:
        if monotonic() - _looked_at < BETWEEN_S:
            return
        _looked_at = monotonic()
    try:
        watch()
    except DatabaseError:  # the outcomes are kept; the next look comes soon
        log.exception("rollout.not_watched")
