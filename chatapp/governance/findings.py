"""What filters found, gathered where a text is looked at and written down where that ends: kinds, never the text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connection

from chatapp.governance.services import record

_MOST = 100  # kinds, each with what was done about it
_WAIT_S = 15
_found: ContextVar[Counter[tuple[str, str]] | None] = ContextVar("found", default=None)


def note(kind: str, action: str, times: int = 1) -> None:
    found = _found.get()
    if found is not None and (len(found) < _MOST or (kind, action) in found):
        found[kind, action] += times


def begin() -> None:
    """From here on to the end of the task."""
    _found.set(Counter())


@contextmanager
def gathering() -> Iterator[None]:
    token = _found.set(Counter())
    try:
        yield
    finally:
        _found.reset(token)


def gathered() -> list[dict[str, Any]]:
    """So far, within the innermost `gathering`."""
    return [{"kind": kind, "action": action, "times": times} for (kind, action), times in (_found.get() or {}).items()]


@contextmanager
def written_down(where: str, person: AbstractBaseUser) -> Iterator[None]:
    """In the caller's transaction; where the text is refused, which undoes that, beside it. Who gathers around this
    learns of it as well."""
    found: list[dict[str, Any]] = []
    with gathering():
        try:
            yield
        except Exception:
            if found := gathered():
                _record_apart("content.blocked", where, person, found)
            raise
        if found := gathered():
            record("content.found", where, person, found=found)
    for one in found:
        note(**one)


def _record_apart(action: str, where: str, person: AbstractBaseUser, found: list[dict[str, Any]]) -> None:
    def write() -> None:
        try:
            record(action, where, person, found=found)
        finally:
            connection.close()

    with ThreadPoolExecutor(1, thread_name_prefix="audit") as own:  # a connection, and so a transaction, of its own
        own.submit(write).result(_WAIT_S)
