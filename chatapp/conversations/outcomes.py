"""What became of answers, on its way to Postgres: in batches, beside the answers and never in their way."""

from __future__ import annotations

import asyncio
from functools import lru_cache

import structlog
from django.db import DatabaseError

from chatapp.database import in_database
from chatapp.limits import budgets
from inference import outcomes
from inference.routing.attempt import Attempted

log = structlog.get_logger(__name__)

_GATHER_S = 1.0
_MOST = 5000  # while the database is away; the oldest go first


class Recorder:
    def __init__(self) -> None:
        self._gathered: list[Attempted] = []
        self._writing: asyncio.Task[None] | None = None

    def observe(self, attempted: Attempted) -> None:
        self._gathered.append(attempted)
        del self._gathered[:-_MOST]
        loop = asyncio.get_running_loop()
        if self._writing is None or self._writing.done() or self._writing.get_loop() is not loop:
            self._writing = loop.create_task(self._write())

    async def flush(self) -> None:
        """What was gathered so far, at once; what cannot be written is kept for the next time."""
        gathered, self._gathered = self._gathered, []
        try:
            await in_database(outcomes.record)(gathered, beside=budgets.count)
        except DatabaseError as error:
            log.warning("outcomes.not_recorded", kept=len(gathered), error=str(error)[:200])
            self._gathered = [*gathered, *self._gathered][-_MOST:]

    async def _write(self) -> None:
        while self._gathered:
            await asyncio.sleep(_GATHER_S)
            await self.flush()


@lru_cache(maxsize=1)
def recorder() -> Recorder:
    return Recorder()
