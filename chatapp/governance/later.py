"""Lines that are written in batches, beside the answers and never in their way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import lru_cache

import structlog
from django.db import DatabaseError

from chatapp.database import in_database
from chatapp.governance.models import AuditEntry
from chatapp.privacy.ciphers import NotOurs
from chatapp.privacy.errors import KeyIsMissing

log = structlog.get_logger(__name__)

_GATHER_S = 1.0
_MOST = 20_000  # while the database is away; the oldest go first
_BATCH = 500
Line = Callable[[], AuditEntry]


class LaterLines:
    def __init__(self) -> None:
        self._gathered: list[Line] = []
        self._writing: asyncio.Task[None] | None = None

    def add(self, line: Line) -> None:
        """What makes the line is called in a thread: it asks the database for keys."""
        self._gathered.append(line)
        del self._gathered[:-_MOST]
        loop = asyncio.get_running_loop()
        if self._writing is None or self._writing.done() or self._writing.get_loop() is not loop:
            self._writing = loop.create_task(self._write())

    async def flush(self) -> None:
        """What was gathered so far, at once; what cannot be written is kept for the next time."""
        waiting: list[Line] = []
        while batch := self._gathered[:_BATCH]:
            self._gathered = self._gathered[_BATCH:]
            try:
                waiting += await in_database(_store)(batch)
            except DatabaseError as error:
                log.error("audit.not_written_yet", kept=len(batch), error=str(error)[:200])
                self._gathered = [*batch, *self._gathered]
                break
        self._gathered = [*waiting, *self._gathered][-_MOST:]

    async def _write(self) -> None:
        while self._gathered:
            await asyncio.sleep(_GATHER_S)
            await self.flush()


def _store(lines: Sequence[Line]) -> list[Line]:
    """-> those that wait for a key; the others do not wait for them."""
    made, waiting = [], []
    for line in lines:
        try:
            made.append(line())
        except KeyIsMissing as error:
            log.error("audit.not_written_yet", kept=1, error=str(error)[:200])
            waiting.append(line)
        except NotOurs as error:  # the key of a person was tampered with: no later time will read it
            log.error("audit.line_lost", error=str(error)[:200])
    AuditEntry.objects.bulk_create(made)
    return waiting


@lru_cache(maxsize=1)
def later_lines() -> LaterLines:
    return LaterLines()
