"""Answers end when their asker may no longer read what they are made of: groups, roles, readers and documents change
while an answer is written. All that runs in a process is asked about together, every second.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import structlog
from django.db import DatabaseError

from chatapp.access import reach_of_each
from chatapp.accounts.models import User
from chatapp.attachments.reading import theirs
from chatapp.cut_off import Line
from chatapp.database import in_database
from chatapp.errors import ChatAppError
from retrieval.models import Document, Passage

log = structlog.get_logger(__name__)

CHECK_S = 1.0
_AT_ONCE = 200
_T = TypeVar("_T")


class AccessLost(ChatAppError):
    code, http_status = "access_lost", 403
    user_message = "You may no longer read the documents that this answer is written from."
    advice = "Ask again: what you may read now is searched."


@dataclass(eq=False, slots=True)
class Watched:
    """Passages that a person is being answered from. `end` is called once."""

    person: UUID
    passages: frozenset[int]
    end: Callable[[], object]


_watched: set[Watched] = set()
_task: asyncio.Task[None] | None = None


@contextmanager
def watched(person: UUID, passages: frozenset[int], end: Callable[[], object]) -> Iterator[None]:
    """Until the block is left."""
    one = Watched(person, passages, end)
    if passages:
        _watched.add(one)
        _see_to_it()
    try:
        yield
    finally:
        _watched.discard(one)


def _see_to_it() -> None:
    global _task
    if _task is None or _task.done() or _task.get_loop() is not asyncio.get_running_loop():
        _task = asyncio.get_running_loop().create_task(_look(), name="look what was taken away")


async def _look() -> None:
    while _watched:
        await asyncio.sleep(CHECK_S)
        all_of_them = list(_watched)
        for begin in range(0, len(all_of_them), _AT_ONCE):
            await _end_the_lost(all_of_them[begin : begin + _AT_ONCE])


async def _end_the_lost(some: Sequence[Watched]) -> None:
    try:
        lost = await in_database(lost_of)(some)
    except DatabaseError as error:  # away for a moment: asked again
        log.warning("access.not_checked", answers=len(some), error=" ".join(str(error).split())[:200])
        return
    for one in lost:
        if one in _watched:
            _watched.discard(one)
            log.info("access.lost", person=str(one.person))
            one.end()


def lost_of(some: Sequence[Watched]) -> list[Watched]:
    """Those whose person may not read one of their passages, or has no account any more. A handful of queries."""
    people = [*User.objects.filter(pk__in={one.person for one in some}, is_active=True)]
    reaches = {user.pk: may for user, may in zip(people, reach_of_each(people), strict=True)}
    rows = Passage.objects.filter(pk__in={pk for one in some for pk in one.passages})
    places = {pk: (document, collection) for pk, document, collection in rows.values_list(*_PLACE)}
    readers = Document.objects.filter(pk__in={document for document, _ in places.values()}).own_readers()
    listed = frozenset[UUID]().union(*(may.collections for may in reaches.values()))
    own = theirs(people, {collection for _, collection in places.values()} - listed)

    def reads(person: UUID, passage: int) -> bool:
        if person not in reaches or passage not in places:
            return False
        document, collection = places[passage]
        return (person, collection) in own or reaches[person].has(collection, readers.get(document))

    return [one for one in some if not all(reads(one.person, passage) for passage in one.passages)]


_PLACE = ("pk", "document_id", "document__collection_id")


async def while_readable(pieces: AsyncIterator[_T], person: UUID, passages: frozenset[int]) -> AsyncIterator[_T]:
    """The pieces, which end with AccessLost where one of the passages is taken away from the person."""
    line = Line(AccessLost)
    with watched(person, passages, line.cut):
        async with aclosing(pieces) as rest:  # type: ignore[type-var]
            while True:
                try:
                    piece = await line.wait(anext(rest))
                except StopAsyncIteration:
                    return
                yield piece
