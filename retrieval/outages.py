"""Faults of the machine, told from faults of a request or a file: they pass, and nobody is to blame."""

from __future__ import annotations

import errno
import functools
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import DatabaseError, OperationalError, connection

from retrieval.errors import RetrievalError

_P = ParamSpec("_P")
_T = TypeVar("_T")
_FULL = (errno.ENOSPC, errno.EDQUOT)
_DISK_FULL = "53100"  # as Postgres says it
_COLLIDED = ("40P01", "40001")  # the transaction was ended so that another could go on
_TRIES, _PAUSE_S = 5, 0.05
_AWAY = ("08", "57P", "53")  # no connection; it shuts down or starts; it lacks something


class StorageFull(RetrievalError):
    code, http_status, retryable = "storage_full", 507, True
    user_message = "The server's disk is full, so nothing can be stored."
    advice = "Ask your administrator to make room, then try again."


class DatabaseUnavailable(RetrievalError):
    code, http_status, retryable = "database_unavailable", 503, True
    user_message = "The database is not available at the moment."
    advice = "Try again in a minute; if it stays away, tell your administrator."


class Collided(RetrievalError):
    code, http_status, retryable = "collided", 503, True
    user_message = "Others were changing the same thing at the same moment, so nothing was changed."
    advice = "Try again in a moment."


def retried(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """Around one whole transaction: again, some times, where the database ended it in favour of another.

    Within somebody's transaction it is for whoever began that one to try again.
    """

    @functools.wraps(function)
    def tried(*given: _P.args, **named: _P.kwargs) -> _T:
        for number in range(1, _TRIES):
            if connection.in_atomic_block:
                break
            try:
                return function(*given, **named)
            except OperationalError as error:
                if _state(error) not in _COLLIDED:
                    raise
            time.sleep(_PAUSE_S * number * random.uniform(0.5, 1.5))  # noqa: S311 - so that the same two do not meet
        try:
            return function(*given, **named)
        except OperationalError as error:
            if _state(error) in _COLLIDED and not connection.in_atomic_block:
                raise Collided(detail=str(error)) from error
            raise

    return tried


def _state(error: BaseException) -> str | None:
    """As Postgres names what happened."""
    return getattr(error.__cause__, "sqlstate", None)


def outage_behind(error: BaseException | None) -> RetrievalError | None:
    """What of the machine failed, if that is what the error says."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return StorageFull(detail=str(error))
    if not isinstance(error, DatabaseError):
        return None
    cause = error.__cause__
    state = _state(error)
    if state == _DISK_FULL:
        return StorageFull(detail=str(error))
    if state in _COLLIDED:
        return Collided(detail=str(error))
    # Without a state nothing was heard from Postgres: it could not be reached, or fell silent.
    lost = state is None and type(cause).__name__ in ("OperationalError", "PoolTimeout", "ConnectionTimeout")
    return DatabaseUnavailable(detail=str(error)) if lost or str(state).startswith(_AWAY) else None
