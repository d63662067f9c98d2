"""Where the data keys of people are kept, made, wrapped anew and destroyed."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Collection
from contextlib import closing, suppress
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from chatapp.privacy import wrapping
from chatapp.privacy.ciphers import KEY_BYTES, NotOurs
from chatapp.privacy.errors import KeyIsMissing
from chatapp.privacy.models import PersonKey

_FRESH_S = 5.0  # so long after it was destroyed, a key is in no process's memory
_MOST = 1000
_BATCH = 500
_INSERT = (
    "INSERT INTO privacy_personkey (person, wrapped, wrapped_by, created_at) VALUES (%s, %s, %s, now())"
    " ON CONFLICT (person) DO NOTHING"
)


class _Kept:
    """A bounded number of unwrapped keys, each for seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._keys: OrderedDict[UUID, tuple[float, bytes]] = OrderedDict()

    def get(self, person: UUID) -> bytes | None:
        fresh_since = time.monotonic() - _FRESH_S
        with self._lock:
            while self._keys and next(iter(self._keys.values()))[0] < fresh_since:
                self._keys.popitem(last=False)
            read_at, key = self._keys.get(person, (0.0, b""))
            return key if key and read_at >= fresh_since else None

    def put(self, person: UUID, key: bytes, read_at: float) -> None:
        with self._lock:
            self._keys.pop(person, None)
            self._keys[person] = read_at, key
            if len(self._keys) > _MOST:
                self._keys.popitem(last=False)

    def drop(self, person: UUID) -> None:
        with self._lock:
            self._keys.pop(person, None)


_kept = _Kept()


def keys_of(people: Collection[UUID]) -> dict[UUID, bytes]:
    """Those that exist. One query for all that are not in memory."""
    found = {person: key for person in people if (key := _kept.get(person))}
    return found | {person: key for person, key in _read([p for p in people if p not in found]).items() if key}


def warm(people: Collection[UUID]) -> None:
    """As `keys_of`, for later; who has a key that cannot be read is passed over, and keeps the others from nothing."""
    wanted, read_at = [person for person in people if not _kept.get(person)], time.monotonic()
    for row in PersonKey.objects.filter(person__in=wanted) if wanted else ():
        with suppress(KeyIsMissing, NotOurs):
            _opened(row, read_at)


def key_for_writing(person: UUID) -> bytes | None:
    """Made where there is none yet. None: it was destroyed."""
    if key := _kept.get(person):
        return key
    found = _read([person])
    if person not in found:
        _make(person)
        found = _read([person])
    return found[person]


def destroy(person: UUID) -> None:
    """In the caller's transaction. Somebody who has no key yet gets none later."""
    with transaction.atomic():
        PersonKey.objects.bulk_create(
            [PersonKey(person=person, wrapped=None, destroyed_at=timezone.now())], ignore_conflicts=True
        )
        PersonKey.objects.filter(person=person, destroyed_at=None).update(
            wrapped=None, wrapped_by="", destroyed_at=timezone.now()
        )
    _kept.drop(person)
    transaction.on_commit(lambda: _kept.drop(person))  # another thread may have read it meanwhile


def wrap_anew() -> int:
    """Puts all keys under the first key-encryption key. It can be broken off, and run again. -> how many it changed"""
    changed = 0
    while batch := _wrap_a_batch():
        changed += batch
    return changed


def _wrap_a_batch() -> int:
    stale = PersonKey.objects.exclude(wrapped_by=wrapping.current()).filter(destroyed_at=None)
    with transaction.atomic():
        rows = list(stale.select_for_update().order_by("person")[:_BATCH])
        for row in rows:
            key = wrapping.unwrap(row.person, bytes(row.wrapped or b""), row.wrapped_by)
            row.wrapped, row.wrapped_by = wrapping.wrap(row.person, key)
        PersonKey.objects.bulk_update(rows, ["wrapped", "wrapped_by"])
    return len(rows)


def _read(people: Collection[UUID]) -> dict[UUID, bytes | None]:
    """Those that have a row; None: destroyed, which is not kept in memory, for it may yet be rolled back."""
    if not people:
        return {}
    read_at = time.monotonic()
    return {row.person: _opened(row, read_at) for row in PersonKey.objects.filter(person__in=people)}


def _opened(row: PersonKey, read_at: float) -> bytes | None:
    if row.wrapped is None:
        return None
    key = wrapping.unwrap(row.person, bytes(row.wrapped), row.wrapped_by)
    _kept.put(row.person, key, read_at)
    return key


def _make(person: UUID) -> None:
    """Stored at once, whatever becomes of the caller's transaction: others may seal with it in the meantime."""
    wrapped, by = wrapping.wrap(person, os.urandom(KEY_BYTES))
    values = (person, wrapped, by)
    if not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute(_INSERT, values)
        return
    with closing(connection.copy()) as own, own.cursor() as cursor:
        cursor.execute(_INSERT, values)
