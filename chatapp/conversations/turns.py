"""The turn: a question on its way to an answer, as a task of its own that no socket owns."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import DatabaseError

from chatapp.conversations import services
from chatapp.conversations.citing import MarkFilter, cite
from chatapp.conversations.engines import get_route
from chatapp.conversations.models import Message
from chatapp.conversations.services import Started
from chatapp.conversations.stream import TurnStream, turn_stream
from chatapp.documents.search import FoundPassage, asearch_passages, must_stay_in_house, readable_passages
from chatapp.errors import TYPED_ERRORS, Busy, ChatAppError, as_dict
from inference.engine import Finish, Generation, Progress, Source, TextPiece, Usage, Writer
from inference.prompts import build_messages

log = structlog.get_logger(__name__)

FLUSH_S = 0.04  # text is sent in pieces of this time: small frames, and few of them
CHECKPOINT_S = 1.0
_END_S = 3.0
_CHARACTERS_PER_TOKEN = 3  # cautious: the model service counts exactly and refuses what is too long

RUNNING: dict[UUID, RunningTurn] = {}


@dataclass
class RunningTurn:
    started: Started
    stream: TurnStream
    begun: float = field(default_factory=time.monotonic)
    text: str = ""
    engine: str = ""
    written_by: list[dict[str, Any]] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    source_frames: list[dict[str, Any]] = field(default_factory=list)
    passages: dict[int, int] = field(default_factory=dict)  # source number -> passage id
    usage: Usage | None = None
    timings: dict[str, int] = field(default_factory=dict)
    seq: int = 0
    stopped: bool = False
    sources_stored: bool = False
    task: asyncio.Task[None] | None = None
    _pending: str = ""

    # -- frames ----------------------------------------------------------------------------------------------------
    async def emit(self, kind: str, *, final: bool = False, **values: Any) -> None:
        frames = self._text_frame()
        self.seq += 1
        frames.append({"type": kind, "turn": str(self.started.turn), "seq": self.seq, **values})
        await self.stream.append(self.started.turn, frames, final=final)

    async def flush(self) -> None:
        if frames := self._text_frame():
            await self.stream.append(self.started.turn, frames)

    def _text_frame(self) -> list[dict[str, Any]]:
        if not self._pending:
            return []
        text, self._pending = self._pending, ""
        self.seq += 1
        return [{"type": "text", "turn": str(self.started.turn), "seq": self.seq, "text": text}]

    def write(self, text: str) -> None:
        self.text += text
        self._pending += text

    def mark(self, name: str) -> None:
        self.timings.setdefault(name, round((time.monotonic() - self.begun) * 1000))


def launch(started: Started) -> RunningTurn:
    """Starts the task. Raises Busy when this process has no room (the caller's turn is then finished as failed)."""
    if len(RUNNING) >= settings.TURNS_PER_PROCESS:
        raise Busy("Footnote is answering as many questions as it can.", advice="Try again in a moment.")
    turn = RunningTurn(started, turn_stream(), text=started.written, written_by=list(started.written_by))
    RUNNING[started.turn] = turn
    turn.task = asyncio.create_task(_run(turn), name=f"turn {started.turn}")
    turn.task.add_done_callback(lambda _: RUNNING.pop(started.turn, None))
    return turn


def stop(turn: UUID) -> None:
    """At once, wherever the turn stands, when it runs in this process."""
    running = RUNNING.get(turn)
    if running is not None and running.task is not None:
        running.stopped = True
        running.task.cancel()


async def interrupt_all() -> None:
    """Before the process ends: what was written is stored, and can be continued."""
    tasks = [turn.task for turn in list(RUNNING.values()) if turn.task is not None]
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_END_S)


async def _run(turn: RunningTurn) -> None:
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(turn=str(turn.started.turn))
    ticker = asyncio.create_task(_tick(turn))
    status, error = Message.Status.COMPLETE, None
    try:
        await _answer(turn)
    except asyncio.CancelledError:
        status = Message.Status.STOPPED if turn.stopped else Message.Status.INTERRUPTED
    except TYPED_ERRORS as failure:
        status, error = _fate(turn), as_dict(failure)
        log.info("turn.failed", code=failure.code, detail=str(failure))
    except Exception:
        status, error = _fate(turn), as_dict(ChatAppError())
        log.exception("turn.crashed")
    ticker.cancel()
    await asyncio.shield(_finish(turn, status, error))


async def _answer(turn: RunningTurn) -> None:
    started = turn.started
    await turn.emit("stage", stage="searching", queue_position=None, read=0, of=0)
    if started.sources:
        await _keep_sources(turn)
    else:
        found = await asearch_passages(
            started.asker, started.text, k=settings.TURN_PASSAGES, collections=started.collections
        )
        _take_sources(turn, found)
    turn.mark("search")
    await turn.emit("sources", sources=turn.source_frames)
    documents = started.shown | {UUID(frame["document"]["id"]) for frame in [*started.sources, *turn.source_frames]}
    in_house = await database_sync_to_async(must_stay_in_house)(documents)
    await _write(turn, _generation(turn, in_house))


async def _keep_sources(turn: RunningTurn) -> None:
    """A continued answer keeps the numbers of its sources; what may no longer be read is left out."""
    frames = {frame["passage"]: frame for frame in turn.started.sources}
    readable = await database_sync_to_async(readable_passages)(turn.started.asker, frames)
    for passage, frame in frames.items():
        if passage in readable:
            _add_source(turn, frame)


def _take_sources(turn: RunningTurn, found: list[FoundPassage]) -> None:
    for number, hit in enumerate(found, start=1):
        passage, document = hit.passage, hit.passage.document
        _add_source(
            turn,
            {
                "number": number,
                "passage": passage.pk,
                "document": {"id": str(document.pk), "name": document.name},
                "page": passage.page,
                "heading": passage.heading,
                "locator": passage.locator,
                "text": passage.text,
                "score": round(hit.score, 4),
            },
        )


def _add_source(turn: RunningTurn, frame: dict[str, Any]) -> None:
    values = (frame[key] for key in ("number", "text", "heading", "page", "score"))
    number, text, heading, page, score = values
    turn.passages[number] = frame["passage"]
    turn.sources.append(Source(number, frame["document"]["name"], text, heading, page, score))
    turn.source_frames.append(frame)


def _generation(turn: RunningTurn, in_house: bool) -> Generation:
    config = settings.INFERENCE
    room = max(config.context_tokens - config.max_answer_tokens - 50, 200) * _CHARACTERS_PER_TOKEN
    messages = build_messages(
        question=turn.started.text, history=turn.started.history, sources=turn.sources, max_prompt_characters=room
    )
    return Generation(
        turn_id=str(turn.started.turn),
        question=turn.started.text,
        messages=messages,
        sources=tuple(turn.sources),
        in_house=in_house,
        written=turn.started.written,
        max_tokens=config.max_answer_tokens,
    )


async def _write(turn: RunningTurn, generation: Generation) -> None:
    marks = MarkFilter(frozenset(s.number for s in turn.sources))
    async with aclosing(get_route().stream(generation)) as pieces:  # type: ignore[type-var]
        async for piece in pieces:
            if isinstance(piece, Writer):
                turn.engine = piece.engine
                turn.written_by.append({"engine": piece.engine, "from": len(turn.text)})
                await turn.emit("writer", engine=piece.engine, note=piece.note)
            elif isinstance(piece, Progress):
                await turn.emit(
                    "stage",
                    stage="reading",
                    queue_position=piece.queue_position,
                    read=piece.prompt_tokens_read,
                    of=piece.prompt_tokens,
                )
            elif isinstance(piece, TextPiece):
                turn.write(marks.push(piece.text))
                if "first_text" not in turn.timings and turn.text.strip():
                    await _first_text(turn)
            elif isinstance(piece, Finish):
                turn.usage = piece.usage
    turn.write(marks.rest())


async def _first_text(turn: RunningTurn) -> None:
    turn.mark("first_text")
    pending, turn._pending = turn._pending, ""
    await turn.emit("stage", stage="writing", queue_position=None, read=0, of=0)
    turn._pending = pending + turn._pending
    await turn.flush()


async def _tick(turn: RunningTurn) -> None:
    """Sends the text that has gathered; keeps it in Postgres; notices that the turn must end."""
    last = time.monotonic()
    while True:
        await asyncio.sleep(FLUSH_S)
        await turn.flush()
        if time.monotonic() - last < CHECKPOINT_S:
            continue
        last = time.monotonic()
        with suppress(DatabaseError):  # a database that is away for a moment does not end an answer
            if not await _checkpoint(turn):
                stop(turn.started.turn)
                return


@database_sync_to_async
def _checkpoint(turn: RunningTurn) -> bool:
    started = turn.started
    values: dict[str, Any] = {"text": turn.text, "engine": turn.engine, "written_by": turn.written_by}
    if turn.source_frames and not turn.sources_stored:
        values["sources"] = turn.source_frames
    alive = services.checkpoint(turn=started.turn, answer=started.answer, seq=turn.seq, values=values)
    turn.sources_stored = "sources" in values or turn.sources_stored
    return alive


def _fate(turn: RunningTurn) -> Message.Status:
    """An answer that broke off in the middle can be continued; one that never began has failed."""
    return Message.Status.INTERRUPTED if turn.text.strip() else Message.Status.FAILED


async def _finish(turn: RunningTurn, status: Message.Status, error: dict[str, Any] | None) -> None:
    turn.mark("total")
    cited = cite(turn.text, turn.sources)
    usage = (
        {"prompt_tokens": turn.usage.prompt_tokens, "completion_tokens": turn.usage.completion_tokens}
        if turn.usage
        else {}
    )
    values = {
        "text": turn.text,
        "status": status,
        "engine": turn.engine,
        "written_by": turn.written_by,
        "error": error,
        "sources": turn.source_frames,
        "usage": usage,
        "timings": turn.timings,
    }
    started = turn.started
    try:
        stored = await database_sync_to_async(services.finish_turn)(
            turn=started.turn, answer=started.answer, values=values, cited=cited, passages=turn.passages
        )
    except DatabaseError:
        log.exception("turn.not_stored")
        stored = False
    if not stored:  # the database is away, the conversation was deleted, or the turn was taken for dead
        status, error = Message.Status.INTERRUPTED, as_dict(ChatAppError("The answer could not be stored."))
    if cited:
        await turn.emit("citations", citations=[_citation_frame(turn, one) for one in cited])
    if error:
        await turn.emit("error", **error)
    await turn.emit(
        "done",
        status=str(status),
        engine=turn.engine,
        usage=usage,
        timings=turn.timings,
        title=started.title,
        final=True,
    )
    log.info("turn.done", status=str(status), engine=turn.engine, characters=len(turn.text), **turn.timings)


def _citation_frame(turn: RunningTurn, cited: Any) -> dict[str, Any]:
    shown = next(frame for frame in turn.source_frames if frame["number"] == cited.source.number)
    return {key: shown[key] for key in ("number", "passage", "document", "page", "score")} | {"quote": cited.quote}
