"""Answers given before: whoever asks the same, of the same documents, need not wait for a model again.

An answer is kept under a hash of all that made it: who would write it, the whole prompt with the passages that this
asker was found, the parameters, the collections that the asker may read, each with its revision, and the groups that
open documents with readers of their own to the asker. So it is found again only by people who read exactly the same,
and never after something in there has changed. Search and its
permission checks come first, each time; only the writing is spared.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import unicodedata
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.core.cache import caches
from django.db import DatabaseError
from django.db.models import Count

from chatapp.access import reach_of_each
from chatapp.accounts.models import User
from chatapp.conversations import metrics
from chatapp.conversations.engines import get_router
from chatapp.conversations.metrics import cache
from chatapp.conversations.models import Message
from chatapp.conversations.stream import redis_errors
from chatapp.database import Together
from inference.engine import Finish, Generation, Piece, TextPiece, Usage, Writer
from inference.engines.extractive import ExtractiveEngine
from inference.engines.provider import ProviderEngine
from inference.routing.following import Followed
from retrieval.changes import Revision, revisions
from retrieval.models import Document

log = structlog.get_logger(__name__)

NOTE = "This answer was given before, to the same question about the same documents."
ANSWER_BYTES = 32_000  # of one; with settings.ANSWER_CACHE_PLACES of them, 64 MB at most
_HOTTEST = 0.7  # a program that asks for more variety gets it
_PIECE = 400  # characters


@dataclass(frozen=True, slots=True)
class Asking:
    """`conversation`: None for a program. `fresh`: the asker wants a new answer, whatever is kept. `unchanged`: whether
    the answer went out as it was written; one that filters changed on its way is stored nowhere as it was.
    `temporary`: nothing of it is looked up or kept; so it is where files were attached, which are one person's."""

    user: User
    chosen: frozenset[UUID] | None = None
    conversation: UUID | None = None
    fresh: bool = False
    unchanged: Callable[[], bool] = lambda: True
    temporary: bool = False
    followed: Followed | None = None  # is told what becomes of each engine


@dataclass(frozen=True, slots=True)
class Scope:
    collections: tuple[Revision, ...]  # those that may be read, of those that were chosen
    groups: tuple[int, ...] | None  # of the asker's, those that documents have as readers of their own; None: all
    fresh: bool


@dataclass(frozen=True, slots=True)
class Identity:
    route: str
    engine: str
    version: str  # of the registry
    asked_at: tuple[str, str]  # address and model: both can be changed where the version stays


@dataclass(frozen=True, slots=True)
class Kept:
    key: str
    engine: str
    text: str

    def pieces(self) -> list[Piece]:
        texts = [self.text[start : start + _PIECE] for start in range(0, len(self.text), _PIECE)]
        return [Writer(self.engine, NOTE), *map(TextPiece, texts), Finish("stop", Usage(0, 0))]


async def answer(asked: Generation, asking: Asking) -> AsyncIterator[Piece]:
    """The pieces of an answer that was given before, or of the engines."""
    place = await _place(asked, asking)
    kept = await look_up(place.key) if place.key and not place.fresh else None
    if kept is not None:
        for piece in kept.pieces():
            yield piece
        return
    written = _Written(gather=bool(place.key))
    async with aclosing(get_router().stream(asked, asking.followed)) as pieces:  # type: ignore[type-var]
        async for piece in pieces:
            written.saw(piece)
            yield piece
            ended = isinstance(piece, Finish) and piece.reason == "stop"
            if ended and written.writers == [place.writer] and asking.unchanged():
                await keep(Kept(place.key, place.writer, "".join(written.texts)))


class _Written:
    """What has come of one answer, and who wrote it."""

    def __init__(self, *, gather: bool) -> None:
        self.writers: list[str] = []
        self.texts: list[str] = []  # empty where nothing is to be kept
        self._gather, self._shown = gather, False

    def saw(self, piece: Piece) -> None:
        if isinstance(piece, TextPiece):
            self._shown = self._shown or bool(piece.text.strip())
            if self._gather:
                self.texts.append(piece.text)
        elif isinstance(piece, Writer):
            if self.writers:
                metrics.failed_over(within=self._shown)
            self.writers.append(piece.engine)


# -- the key -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Place:
    key: str = ""  # '': nothing is looked up or kept
    writer: str = ""  # who would write now
    fresh: bool = False


async def _place(asked: Generation, asking: Asking) -> _Place:
    writer = await writer_identity(asked) if _may_be_kept(asked) and not asking.temporary else None
    scope = await _scope(asking) if writer else None
    if writer is None or scope is None:
        cache("bypassed")
        return _Place()
    if scope.fresh:
        cache("fresh")
    return _Place(_key(asked, scope, writer), writer.engine, scope.fresh)


def _may_be_kept(asked: Generation) -> bool:
    """First questions alone (the prompt is instructions and question), and only where something was found."""
    first = len(asked.messages) == 2 and not asked.written
    return bool(settings.ANSWER_CACHE_S and first and asked.sources and asked.temperature <= _HOTTEST)


async def writer_identity(asked: Generation) -> Identity | None:
    """Who would write if the question came now; None where it is quotations, which cost nothing."""
    router = get_router()
    route, first = await router.named(asked.route), await router.first(asked)
    engine = first.engine
    if isinstance(engine, ExtractiveEngine):
        return None
    asked_at = engine.asked_at if isinstance(engine, ProviderEngine) else ("", "")  # copies of our service are one
    return Identity(route, engine.name, str(first.version or ""), asked_at)


async def _scope(asking: Asking) -> Scope | None:
    try:
        return await _scopes(asking)
    except DatabaseError as error:
        log.warning("answer_cache.no_database", error=str(error)[:200])
        return None


def _scopes_of(all_asking: Sequence[Asking]) -> list[Scope]:
    """For many at once, with five queries. In a conversation, only its first answer may be one that was kept: whoever
    edits the question or has it answered again wants a new one.
    """
    reaches = reach_of_each([asking.user for asking in all_asking])
    allowed = [
        may.collections if asking.chosen is None else may.collections & asking.chosen
        for asking, may in zip(all_asking, reaches, strict=True)
    ]
    own = Document.objects.groups_among(frozenset[int]().union(*(may.groups or () for may in reaches)))
    known = revisions(frozenset[UUID]().union(*allowed))
    messages = Message.objects.filter(conversation__in={a.conversation for a in all_asking if a.conversation})
    counts = dict(messages.values_list("conversation").annotate(number=Count("pk")))
    return [
        Scope(
            tuple(one for one in known if one.collection in ids),
            None if may.groups is None else tuple(sorted(may.groups & own)),
            asking.fresh or counts.get(asking.conversation, 0) > 2,
        )
        for asking, may, ids in zip(all_asking, reaches, allowed, strict=True)
    ]


_scopes = Together[Asking, Scope](_scopes_of)


def _key(asked: Generation, scope: Scope, writer: Identity) -> str:
    system, last = asked.messages
    parts: list[Any] = [
        [writer.route, writer.engine, writer.version, *writer.asked_at],
        [system.content, last.content.removesuffix(asked.question)],  # the template, with the passages in it
        normalised(asked.question),
        [[source.number, source.document, source.text] for source in asked.sources],
        [asked.in_house, asked.max_tokens, asked.temperature, asked.stop, asked.seed],
        [[str(one.collection), one.number, one.version, one.stays_in_house] for one in scope.collections],
        scope.groups,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def normalised(question: str) -> str:
    """Spaces and spellings of letters aside. Capitals count: WHO and who are two questions."""
    return " ".join(unicodedata.normalize("NFC", question).split())


# -- what is kept ------------------------------------------------------------------------------------------------------
async def look_up(key: str) -> Kept | None:
    try:
        value = await asyncio.to_thread(lambda: caches["answers"].get(_name(key)))
    except redis_errors() as error:
        log.warning("answer_cache.not_read", error=str(error)[:200])
        cache("failed")
        return None
    found = _read(value) if value else None
    hit = found is not None and found.key == key
    cache("hit" if hit else "miss")
    return found if hit else None


def _read(value: str) -> Kept | None:
    """None for the form of another release, which may have left it in Redis."""
    try:
        return Kept(**json.loads(value))
    except (ValueError, TypeError):
        return None


async def keep(kept: Kept) -> None:
    value = json.dumps(asdict(kept))
    if not kept.text.strip() or len(value) > ANSWER_BYTES:
        cache("not_kept")
        return
    try:
        await asyncio.to_thread(lambda: caches["answers"].set(_name(kept.key), value, settings.ANSWER_CACHE_S))
    except redis_errors() as error:
        log.warning("answer_cache.not_written", error=str(error)[:200])
        cache("failed")
    else:
        cache("kept")


def _name(key: str) -> str:
    """One of a fixed number of places: where it is taken, the newer answer stays. So the cache never grows."""
    return str(int(key[:8], 16) % settings.ANSWER_CACHE_PLACES)
