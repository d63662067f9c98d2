"""The turns that this process writes: what each has come to, and how they are sent and kept while they grow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from django.db import DatabaseError

from chatapp.attachments.reading import NOTHING as NO_FILES
from chatapp.attachments.reading import Files
from chatapp.conversations import services
from chatapp.conversations.admission import Started
from chatapp.conversations.explained import Explained
from chatapp.conversations.outbox import Outbox
from chatapp.conversations.services import Checkpoint
from chatapp.database import in_database
from chatapp.errors import ChatAppError
from chatapp.limits.tokens import NOTHING, Reserved
from inference.engine import Source, Usage

log = structlog.get_logger(__name__)

FLUSH_S = 0.04  # text is sent in pieces of this time
CHECKPOINT_S = 1.0
_KEPT_AT_ONCE = 100
_TAKEN_OVER = "The process that wrote the beginning has ended."

RUNNING: dict[UUID, RunningTurn] = {}


@dataclass
class RunningTurn:
    started: Started
    outbox: Outbox
    begun: float = field(default_factory=time.monotonic)
    text: str = ""
    engine: str = ""
    written_by: list[dict[str, Any]] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    source_frames: list[dict[str, Any]] = field(default_factory=list)
    usage: Usage | None = None
    explained: Explained = field(default_factory=Explained)
    reserved: Reserved = NOTHING  # tokens
    timings: dict[str, int] = field(default_factory=dict)
    taken_at: int = -1  # where the text of a process that died ends
    files: Files = NO_FILES  # that were attached to its conversation
    note: str = ""  # what is to be said beside the answer, with its first writer
    at_work: bool = False  # its task has begun
    cancelled: bool = False  # perhaps before it began
    stopped: bool = False
    leaving: bool = False  # the process ends, and another one can take the turn over
    finishing: bool = False  # its fate is being stored: too late to cancel
    sources_stored: bool = False
    task: asyncio.Task[None] | None = None

    async def emit(self, kind: str, **values: Any) -> None:
        self.outbox.add(kind, **values)
        await self.outbox.send()

    async def stage(self, stage: str, *, queue_position: int | None = None, read: int = 0, of: int = 0) -> None:
        await self.emit("stage", stage=stage, queue_position=queue_position, read=read, of=of)

    def write(self, text: str) -> None:
        self.text += text
        self.outbox.write(text)

    def take_over(self, engine: str, note: str) -> str:
        """From here on this engine writes; one that failed before its first character has written nothing. -> note"""
        self.engine = engine
        if self.written_by and self.written_by[-1]["from"] == len(self.text):
            self.written_by.pop()
        if len(self.text) == self.taken_at:
            note = f"{_TAKEN_OVER} {note}".strip()
        if not self.written_by:
            note = f"{self.note} {note}".strip()
        self.written_by.append({"engine": engine, "from": len(self.text)} | ({"note": note} if note else {}))
        return note

    def mark(self, name: str) -> None:
        self.timings.setdefault(name, round((time.monotonic() - self.begun) * 1000))

    def stop(self) -> None:
        self.stopped = True
        self.cancel()

    def cancel(self) -> None:
        self.cancelled = True
        if self.task is not None and self.at_work and not self.finishing:
            self.task.cancel()

    def checkpoint(self) -> Checkpoint:
        sources = None if self.sources_stored or not self.source_frames else self.source_frames
        started = self.started
        return Checkpoint(
            started.turn, started.answer, started.asker.pk, self.text, self.engine, self.written_by, sources
        )


class Keeper:
    """Two tasks for all running turns, which last as long as there are any."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def watch(self) -> None:
        for name, pause_s, step in (("send", FLUSH_S, self._send), ("keep", CHECKPOINT_S, self._keep)):
            task = self._tasks.get(name)
            if task is None or task.done():
                self._tasks[name] = asyncio.create_task(_repeat(step, pause_s), name=f"{name} turns")

    async def _send(self) -> None:
        """The text that has gathered."""
        waiting = [turn for turn in RUNNING.values() if turn.outbox.waits]
        await asyncio.gather(*(turn.outbox.send() for turn in waiting))
        for turn in waiting:
            if turn.outbox.taken:
                turn.stop()

    async def _keep(self) -> None:
        turns = [turn for turn in RUNNING.values() if not turn.finishing]
        for begin in range(0, len(turns), _KEPT_AT_ONCE):
            await self._checkpoint(turns[begin : begin + _KEPT_AT_ONCE])

    async def _checkpoint(self, turns: list[RunningTurn]) -> None:
        """A turn that may not go on was stopped, taken over, or deleted, or its asker has no account any more."""
        kept = [turn.checkpoint() for turn in turns]
        try:
            going_on = await in_database(services.checkpoint)(kept)
        except (DatabaseError, ChatAppError) as error:  # a database or key that is away for a moment ends no answer
            log.warning("turns.not_kept", turns=len(turns), error=" ".join(str(error).split())[:200])
            return
        for turn, one in zip(turns, kept, strict=True):
            if one.turn in going_on:
                turn.sources_stored = turn.sources_stored or (going_on[one.turn] and one.sources is not None)
            else:
                turn.stop()


async def _repeat(step: Callable[[], Awaitable[None]], pause_s: float) -> None:
    while RUNNING:
        await asyncio.sleep(pause_s)
        try:
            await step()
        except Exception:  # the turns go on; what failed is done again after the pause
            log.exception("turns.upkeep_failed")


keeper = Keeper()
