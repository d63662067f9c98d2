"""Faults of the machine, told from faults of a request or a file: they pass, and nobody is to blame."""

from __future__ import annotations

import errno

from django.db import DatabaseError

from retrieval.errors import RetrievalError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_DISK_FULL = "53100"  # as Postgres says it
_AWAY = ("08", "57P", "53")  # no connection; it shuts down or starts; it lacks something


class StorageFull(RetrievalError):
    code, http_status, retryable = "storage_full", 507, True
    user_message = "The server's disk is full, so nothing can be stored."
    advice = "Ask your administrator to make room, then try again."


class DatabaseUnavailable(RetrievalError):
    code, http_status, retryable = "database_unavailable", 503, True
    user_message = "The database is not available at the moment."
    advice = "Try again in a minute; if it stays away, tell your administrator."


def outage_behind(error: BaseException | None) -> RetrievalError | None:
    """What of the machine failed, if that is what the error says."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return StorageFull(detail=str(error))
    if not isinstance(error, DatabaseError):
        return None
    cause = error.__cause__
    state = getattr(cause, "sqlstate", None)
    if state == _DISK_FULL:
        return StorageFull(detail=str(error))
    # Without a state nothing was heard from Postgres: it could not be reached, or fell silent.
    lost = state is None and type(cause).__name__ in ("OperationalError", "PoolTimeout", "ConnectionTimeout")
    return DatabaseUnavailable(detail=str(error)) if lost or str(state).startswith(_AWAY) else None
