"""The turn: a question on its way to an answer, as a task of its own that no socket owns."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import DatabaseError

from chatapp.conversations import answer_cache, metrics, services
from chatapp.conversations.admission import Started
from chatapp.conversations.answer_cache import Asking
from chatapp.conversations.citing import Cited, cite
from chatapp.conversations.file_waits import files_as_they_are, files_that_are_read
from chatapp.conversations.generation import Behind, generation, limits_of, source_frames, without_copies
from chatapp.conversations.masked import keep_values, placeholders_in
from chatapp.conversations.models import Message
from chatapp.conversations.outbox import Outbox
from chatapp.conversations.outgoing import HouseRules, Outgoing, house_rules
from chatapp.conversations.places import require_room
from chatapp.conversations.running import FLUSH_S, RUNNING, RunningTurn, keeper
from chatapp.conversations.stream import turn_stream
from chatapp.conversations.surroundings import sources_of
from chatapp.conversations.taken_away import while_readable
from chatapp.database import in_database
from chatapp.documents.search import asearch_passages, readable_passages
from chatapp.errors import TYPED_ERRORS, ChatAppError, as_dict, reason_of
from chatapp.governance import findings
from chatapp.limits.tokens import NOTHING, Reserved
from chatapp.privacy.caches import forget_streams
from chatapp.safety.gates import clean_sources
from chatapp.safety.groundedness.checking import unsupported
from chatapp.safety.questions import About, reply_instead
from inference.engine import Finish, Generation, Progress, TextPiece, Writer
from inference.engines.extractive import ExtractiveEngine
from inference.prompts import estimate_tokens

log = structlog.get_logger(__name__)

_END_S = 3.0
_WHOLE = (".", "!", "?", "…", "。", "！", "？", "؟", ":", "]", ")", '"', "”", "“", "»", "|")  # a sentence ends so
_LAST_TRIES = 3  # to tell the readers that the turn is over; after that they find out from its row


async def launch(started: Started, *, seq: int = 0, unsent: str = "", reserved: Reserved = NOTHING) -> RunningTurn:
    """Starts the task; the first frame is sent before, so that whoever hears of the turn can follow it.

    Of a turn that was taken over, `seq` is the number of the last frame, and `unsent` text that was written behind it.

    Raises Busy when this process has no room (the caller's turn is then refused).
    """
    require_room()
    outbox = Outbox(started.turn, turn_stream(), seq, started.takeovers)
    turn = RunningTurn(started, outbox, text=started.written, written_by=list(started.written_by), reserved=reserved)
    turn.write(unsent)
    turn.taken_at = len(turn.text) if started.takeovers and turn.text else -1
    RUNNING[started.turn] = turn
    try:
        await turn.stage("searching")
    finally:  # whatever became of the frame, the turn has to run to its end
        turn.task = asyncio.create_task(_run(turn), name=f"turn {started.turn}")
        turn.task.add_done_callback(lambda _: RUNNING.pop(started.turn, None))
        keeper.watch()
    return turn


def stop(turn: UUID) -> None:
    """At once, wherever the turn stands, when it runs in this process."""
    running = RUNNING.get(turn)
    if running is not None:
        running.stop()


async def interrupt_all() -> None:
    """Before the process ends: what was written is stored. It can be continued; with Redis another process does so."""
    turns = list(RUNNING.values())
    for turn in turns:
        turn.leaving = bool(settings.REDIS_URL)
        turn.cancel()
    if tasks := [turn.task for turn in turns if turn.task is not None]:
        await asyncio.wait(tasks, timeout=_END_S)


async def _run(turn: RunningTurn) -> None:
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(turn=str(turn.started.turn))
    findings.begin()
    status, error = Message.Status.COMPLETE, None
    try:
        turn.at_work = True
        if turn.cancelled:
            raise asyncio.CancelledError
        await _answer(turn)
    except asyncio.CancelledError:
        turn.finishing = True
        if turn.leaving and not turn.stopped and await _left(turn):
            return
        status = Message.Status.STOPPED if turn.stopped else Message.Status.INTERRUPTED
    except TYPED_ERRORS as failure:
        status, error = _fate(turn), as_dict(failure)
        log.info("turn.failed", code=failure.code, reason=reason_of(failure))
    except Exception:
        status, error = _fate(turn), as_dict(ChatAppError())
        log.exception("turn.crashed")
    turn.finishing = True
    await _finish(turn, status, error)


async def _answer(turn: RunningTurn) -> None:
    started, explained = turn.started, turn.explained
    asker, home, before = started.asker, started.conversation, started.asked_of
    if instead := await reply_instead(asker, started.text, started.collections, home, asked_of=before):
        return turn.write(instead if not turn.text else "")
    about = About(conversation=home, asked_of=before)
    rules = await house_rules(asker, started.collections, placeholders_in(home, asker), about)
    started = turn.started = await _as_sent(started, rules)
    turn.files = await (files_as_they_are if started.sources else files_that_are_read)(turn)
    frames = await _kept_sources(turn) if started.sources else await _found_sources(turn)
    turn.source_frames = frames
    explained.reached("passages")
    turn.sources = clean_sources(rules.passages, await sources_of(frames))
    explained.read_by_the_model(frames, turn.sources)
    explained.reached("answer")
    await _keep_masked(turn, rules)
    turn.mark("search")
    await turn.emit("sources", sources=frames)
    documents = started.shown | {UUID(frame["document"]["id"]) for frame in [*started.sources, *frames]}
    asked_of = started.asked_of | (started.collections or frozenset())
    asked = generation(
        turn_id=str(started.turn),
        question=started.text,
        sources=turn.sources,
        asker=str(started.asker.pk),
        limits=await limits_of(Behind(started.asker, documents, asked_of, attached=turn.files.beside)),
        history=started.history,
        prefers=started.prefers,
        written=await rules.sent.begun(turn.text) if turn.text else "",
    )
    await _write(turn, asked, rules)


async def _as_sent(started: Started, rules: HouseRules) -> Started:
    """What is stored was judged by the rules of its time, perhaps of other collections. Raises ContentBlocked."""
    text, history = await rules.sent.asked(started.text), await rules.sent.said(started.history)
    return replace(started, text=text, history=history)


async def _kept_sources(turn: RunningTurn) -> list[dict[str, Any]]:
    """A continued answer keeps the numbers of its sources; what may no longer be read is left out."""
    wanted = {frame["passage"] for frame in turn.started.sources}
    readable = await in_database(readable_passages)(turn.started.asker, wanted)
    return [frame for frame in turn.started.sources if frame["passage"] in readable]


async def _found_sources(turn: RunningTurn) -> list[dict[str, Any]]:
    started = turn.started
    found = await asearch_passages(
        started.asker,
        started.text,
        k=settings.TURN_PASSAGES,
        collections=started.collections,
        filters=started.filters,
        attached=turn.files.collection if turn.files.ready else None,
    )
    shown = without_copies(found)
    turn.explained.searched(shown)
    return source_frames(shown)


async def _write(turn: RunningTurn, asked: Generation, rules: HouseRules) -> None:
    out = Outgoing(frozenset(s.number for s in turn.sources), rules.answer, turn.text, _known(turn, asked))
    started = turn.started
    asking = Asking(
        started.asker,
        started.collections,
        started.conversation,
        unchanged=lambda: out.unchanged,
        temporary=started.temporary or turn.files.beside,
        followed=turn.explained.followed,
    )
    passages = frozenset(frame["passage"] for frame in turn.source_frames)
    next_one: Writer | None = None
    answered = while_readable(answer_cache.answer(asked, asking), turn.started.asker.pk, passages)
    async with aclosing(answered) as pieces:  # type: ignore[type-var]
        async for piece in pieces:
            if isinstance(piece, Writer):
                turn.explained.cached = turn.explained.cached or piece.note == answer_cache.NOTE
                out.begins()
                next_one = await _came_out(turn, out, "", piece)
            elif isinstance(piece, Progress):
                read, of = piece.prompt_tokens_read, piece.prompt_tokens
                if not piece.queue_position:  # it is its turn
                    turn.mark("reading")
                await turn.stage("reading", queue_position=piece.queue_position, read=read, of=of)
            elif isinstance(piece, TextPiece):
                text = out.push(piece.text)
                await _keep_masked(turn, rules)
                next_one = await _came_out(turn, out, text, next_one)
            elif isinstance(piece, Finish):
                turn.usage = piece.usage
                rest = out.rest()
                await _keep_masked(turn, rules)
                next_one = await _came_out(turn, out, rest, next_one)
    await _came_out(turn, out, out.rest(), next_one)


async def _came_out(turn: RunningTurn, out: Outgoing, text: str, next_one: Writer | None) -> Writer | None:
    """Who writes next is told once what was written before has come out. -> who is still to be told of"""
    border = None if next_one is None else out.border_in(text)
    if next_one is not None and border is not None:
        turn.write(text[:border])
        note = turn.take_over(next_one.engine, next_one.note)
        await turn.emit("writer", engine=next_one.engine, note=note)
        next_one, text = None, text[border:]
    await _write_text(turn, text)
    return next_one


async def _keep_masked(turn: RunningTurn, rules: HouseRules) -> None:
    """Before what stands for them is told."""
    if new := rules.placeholders.take_new():
        await in_database(keep_values)(turn.started.conversation, turn.started.asker.pk, new)


def _known(turn: RunningTurn, asked: Generation) -> list[str]:
    """What the asker wrote or was shown."""
    return [one.content for one in asked.messages if one.role != "system"] + [one["text"] for one in turn.source_frames]


async def _write_text(turn: RunningTurn, text: str) -> None:
    if "first_text" in turn.timings or not text.strip():
        turn.write(text)
        return
    turn.mark("first_text")
    turn.outbox.add("stage", stage="writing", queue_position=None, read=0, of=0)
    turn.write(text)
    await turn.outbox.send()  # the first text does not wait for others


async def _left(turn: RunningTurn) -> bool:
    """Whether followers have all that was written, and another process may take the turn over at once."""
    if not await turn.outbox.send() or turn.outbox.waits:
        return False
    try:
        return await in_database(services.leave_turn)(turn.checkpoint())
    except DatabaseError as error:
        log.warning("turn.not_left", error=" ".join(str(error).split())[:200])
        return False


def _fate(turn: RunningTurn) -> Message.Status:
    """An answer that broke off in the middle can be continued; one that never began has failed."""
    return Message.Status.INTERRUPTED if turn.text.strip() else Message.Status.FAILED


async def _finish(turn: RunningTurn, status: Message.Status, error: dict[str, Any] | None) -> None:
    turn.mark("total")
    await _settle(turn)
    cited = cite(turn.text, turn.sources)
    marks = await asyncio.to_thread(_unsupported, turn, status)  # milliseconds for each kilobyte
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
        "unsupported": marks,
        "usage": usage,
        "timings": turn.timings,
    }
    stored = await _stored(turn, values, cited)
    if turn.outbox.taken:
        return log.info("turn.taken_over")
    if not stored and await _is_forgotten(turn):
        await turn.outbox.close()
        await asyncio.to_thread(forget_streams, [turn.started.turn])
        return log.info("turn.forgotten")
    if not stored:  # the database is away, or the turn was taken for dead
        status, error = Message.Status.INTERRUPTED, as_dict(ChatAppError("The answer could not be stored."))
    if cited:
        turn.outbox.add("citations", citations=[_citation_frame(turn, one) for one in cited])
    if marks is not None:
        turn.outbox.add("grounding", unsupported=marks)
    if error:
        turn.outbox.add("error", **error)
    ending = {"usage": usage, "timings": turn.timings, "title": turn.started.title}
    turn.outbox.add("done", status=str(status), engine=turn.engine, **ending)
    await _send_last(turn)
    metrics.turn_ended(str(status), turn.engine, turn.timings)
    log.info("turn.done", status=str(status), engine=turn.engine, characters=len(turn.text), **turn.timings)


def _unsupported(turn: RunningTurn, status: Message.Status) -> list[tuple[int, int]] | None:
    """Of quotations, which say nothing of their own, and where nothing was read, there is nothing to look at. Half a
    sentence, with which an answer broke off, is not judged.
    """
    if not turn.sources or not turn.text.strip() or turn.engine == ExtractiveEngine.name:
        return None
    marks = unsupported(turn.text, turn.sources, turn.started.text)
    text = turn.text.rstrip()
    broke_off = status != Message.Status.COMPLETE and not text.endswith(_WHOLE)
    return [(start, end) for start, end in marks if not (broke_off and end >= len(text))]


async def _settle(turn: RunningTurn) -> None:
    if turn.reserved.tokens:
        used = turn.usage.prompt_tokens + turn.usage.completion_tokens if turn.usage else estimate_tokens(turn.text)
        await turn.reserved.settle(turn.started.asker, used)


async def _stored(turn: RunningTurn, values: dict[str, Any], cited: list[Cited]) -> bool:
    passages = {frame["number"]: frame["passage"] for frame in turn.source_frames}
    started = turn.started
    try:
        return await in_database(services.finish_turn)(
            turn=started.turn,
            answer=started.answer,
            values=values,
            cited=cited,
            passages=passages,
            explained=turn.explained.as_kept(),
        )
    except (DatabaseError, ChatAppError):  # a key that is away is as bad as a database that is
        log.exception("turn.not_stored")
        return False


async def _is_forgotten(turn: RunningTurn) -> bool:
    try:
        return await in_database(services.is_forgotten)(turn=turn.started.turn)
    except DatabaseError:  # then its frames go after ten minutes
        log.warning("turn.not_known_to_be_forgotten")
        return False


async def _send_last(turn: RunningTurn) -> None:
    for _ in range(_LAST_TRIES):
        if await turn.outbox.send(final=True):
            return
        await asyncio.sleep(FLUSH_S)


def _citation_frame(turn: RunningTurn, cited: Cited) -> dict[str, Any]:
    shown = next(frame for frame in turn.source_frames if frame["number"] == cited.source.number)
    return {key: shown[key] for key in ("number", "passage", "document", "page", "score")} | {"quote": cited.quote}
