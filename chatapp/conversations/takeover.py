"""With Redis, the turns of a web process that died go on in another one, from the text that people have seen.

What was seen is in the turn's stream: everything that the dead process sent, up to the second in which it died. The
checkpoint in Postgres says which turns there are, and holds at most what was written and not sent any more.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import structlog
from django.db import DatabaseError, transaction
from django.db.models import F
from django.utils import timezone

from chatapp.conversations import turns
from chatapp.conversations.admission import RUNNER, SILENT_FOR, Started, started
from chatapp.conversations.models import Turn
from chatapp.conversations.places import room
from chatapp.conversations.running import RUNNING
from chatapp.conversations.stream import Frame, StreamAway, turn_stream
from chatapp.database import in_database
from chatapp.errors import Busy
from chatapp.privacy.errors import Unreadable

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 2.0
MOST_TAKEOVERS = 2  # a question that brings down whoever answers it ends as interrupted
_AT_ONCE = 20


async def look_after_the_dead() -> None:
    """Runs as long as the process; each looks at a moment of its own."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S * random.uniform(0.75, 1.25))  # noqa: S311 - jitter
        try:
            await _take_over(min(_AT_ONCE, room()))
        except (Busy, DatabaseError, StreamAway) as error:  # away for a moment: looked again
            log.warning("turns.not_looked_after", error=" ".join(str(error).split())[:200])
        except Exception:
            log.exception("turns.not_looked_after")


async def _take_over(room: int) -> None:
    if room <= 0:
        return
    claimed = await in_database(claim)(room, frozenset(RUNNING))
    ends = await asyncio.gather(*map(_go_on, claimed), return_exceptions=True)
    for error in ends:
        if isinstance(error, BaseException):
            raise error


async def _go_on(one: Claimed) -> None:
    turn = one.turn
    try:
        frames = await turn_stream().take_over(turn.turn, turn.takeovers)
        shown = as_shown(turn, frames)
        if shown is None:  # the sweep marks it interrupted
            log.warning("turn.not_taken_over", turn=str(turn.turn), frames=len(frames))
            return
        log.info("turn.taken_over", turn=str(turn.turn), shown=len(shown.written), takeovers=turn.takeovers)
        await turns.launch(shown, seq=len(frames), unsent=_unsent(turn, shown))
    except BaseException:
        if turn.turn not in RUNNING:
            await in_database(give_back)(one)
        raise


def as_shown(turn: Started, frames: Sequence[Frame]) -> Started | None:
    """The turn with what its followers have seen; None where that is not known, or where they were told of its end."""
    numbers = [frame["seq"] for frame in frames]
    lost = not frames and len(turn.written) > turn.begins_at
    if lost or numbers != list(range(1, len(frames) + 1)) or any(frame["type"] == "done" for frame in frames):
        return None
    text, sources = turn.written[: turn.begins_at], turn.sources
    writers = [writer for writer in turn.written_by if writer["from"] < turn.begins_at]
    for frame in frames:
        match frame["type"]:
            case "text":
                text += frame["text"]
            case "sources":
                sources = tuple(frame["sources"])
            case "writer":
                note = {"note": frame["note"]} if frame["note"] else {}
                writers = [writer for writer in writers if writer["from"] < len(text)]
                writers.append({"engine": frame["engine"], "from": len(text)} | note)
    return replace(turn, written=text, sources=sources, written_by=tuple(writers))


def _unsent(turn: Started, shown: Started) -> str:
    """The end of the checkpoint that the dead process did not come to send."""
    return turn.written[len(shown.written) :] if turn.written.startswith(shown.written) else ""


@dataclass(frozen=True, slots=True)
class Claimed:
    turn: Started
    silent_since: datetime


@transaction.atomic
def claim(room: int, running_here: Collection[UUID]) -> list[Claimed]:
    """Turns without a heart-beat, which from now on are this process's: no other one can claim or keep them."""
    dead = Turn.objects.filter(
        running=True,
        heartbeat_at__lt=timezone.now() - SILENT_FOR,
        takeovers__lt=MOST_TAKEOVERS,
        asker__is_active=True,
    )
    rows = dead.exclude(pk__in=running_here).select_for_update(of=("self",), skip_locked=True).order_by("heartbeat_at")
    claimed = {row.pk: row.heartbeat_at for row in rows[:room]}
    Turn.objects.filter(pk__in=claimed).update(runner=RUNNER, takeovers=F("takeovers") + 1, heartbeat_at=timezone.now())
    mine = Turn.objects.filter(pk__in=claimed).select_related("asker", "answer", "question__conversation")
    return [Claimed(found, claimed[turn.pk]) for turn in mine if (found := _opened(turn)) is not None]


def _opened(turn: Turn) -> Started | None:
    """None: it cannot go on, for nobody can open what it is about; the sweep marks it interrupted."""
    try:
        return started(turn)
    except Unreadable:
        log.warning("turn.not_taken_over", turn=str(turn.pk), reason="unreadable")
        return None


def give_back(one: Claimed) -> None:
    """Nothing was tried, so the turn is as it was found: another look may claim it, or the sweep end it in time."""
    mine = Turn.objects.filter(pk=one.turn.turn, running=True, runner=RUNNER, takeovers=one.turn.takeovers)
    mine.update(takeovers=F("takeovers") - 1, heartbeat_at=one.silent_since)
