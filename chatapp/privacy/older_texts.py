"""Seals what versions before sealed texts left plain, and makes it findable.

Each batch is a transaction, and rows that others hold are passed over: it can be killed anywhere, run beside itself and
beside people who read and write the same conversations, and goes on where it stopped.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Model, QuerySet

from chatapp.conversations import search
from chatapp.conversations.models import Citation, Conversation, Message, Turn
from chatapp.conversations.services import documents_of
from chatapp.feedback.models import Rating
from chatapp.privacy import sealing
from chatapp.privacy.ciphers import NotOurs
from chatapp.privacy.errors import KeyIsMissing, Unreadable
from chatapp.privacy.fields import is_plain, sealed_fields

log = structlog.get_logger(__name__)

_BATCH = 100
_Row = TypeVar("_Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Done:
    conversations: int
    messages: int


def seal_some(seconds: float | None = None) -> Done:
    """Until nothing is left that can be sealed, or the time is over (looked at between batches).

    What belongs to people whose keys cannot be read now stays as it is; it is looked at again the next time.
    """
    ends = None if seconds is None else time.monotonic() + seconds
    passed_over: set[UUID] = set()
    done = Done(
        _until(ends, lambda: _a_batch(_owed_conversations(), "owner", _seal_conversations, passed_over)),
        _until(ends, lambda: _a_batch(_owed_messages(), "conversation__owner", _seal_messages, passed_over)),
    )
    if done.conversations or done.messages:
        log.info("privacy.sealed", conversations=done.conversations, messages=done.messages)
    if passed_over:
        log.warning("privacy.not_sealed", people=len(passed_over))
    return done


def left() -> Done:
    return Done(_owed_conversations().count(), _owed_messages().count())


def _until(ends: float | None, step: Callable[[], tuple[int, int]]) -> int:
    """`step` -> how many rows it found, and how many of them it sealed; each of the others counts somebody out."""
    done = 0
    while ends is None or time.monotonic() < ends:
        found, sealed = step()
        done += sealed
        if not found:
            break
    return done


@transaction.atomic
def _a_batch(
    owed: QuerySet[_Row], owner: str, seal: Callable[[list[_Row]], None], passed_over: set[UUID]
) -> tuple[int, int]:
    """All at once; where a key among theirs cannot be read, person by person."""
    those = owed.exclude(**{f"{owner}__in": passed_over}).select_for_update(of=("self",), skip_locked=True)
    rows = list(those.order_by("pk")[:_BATCH])
    if not rows or _is_sealed(seal, rows):
        return len(rows), len(rows)
    sealed, of_each = 0, defaultdict[UUID, list[_Row]](list)
    for row in rows:
        of_each[_owner(row)].append(row)
    for person, their_own in of_each.items():
        if _is_sealed(seal, their_own):
            sealed += len(their_own)
        else:
            passed_over.add(person)
    return len(rows), sealed


def _is_sealed(seal: Callable[[list[_Row]], None], rows: list[_Row]) -> bool:
    try:
        with transaction.atomic():
            seal(rows)
    except (KeyIsMissing, NotOurs, Unreadable) as error:
        log.warning("privacy.key_cannot_be_read", rows=len(rows), error=" ".join(str(error).split())[:200])
        return False
    return True


def _owner(row: Model) -> UUID:
    home = row.conversation if isinstance(row, Message) else row
    assert isinstance(home, Conversation)
    return home.owner_id


def _owed_conversations() -> QuerySet[Conversation]:
    return Conversation.objects.filter(sealed=False)


def _owed_messages() -> QuerySet[Message]:
    """What is being written is sealed as it grows, and findable when it ends."""
    owed = Message.objects.filter(indexed=False).exclude(status=Message.Status.STREAMING)
    return owed.select_related("conversation")


def _seal_conversations(rows: list[Conversation]) -> None:
    sealing.prepare(row.owner_id for row in rows)
    _save_plain(Turn.objects.filter(question__conversation__in=rows, filters__isnull=False))
    search.index_titles(_readable(rows, "title"))
    for row in rows:
        row.sealed = True
        row.save(update_fields=["title", "sealed"])


def _seal_messages(rows: list[Message]) -> None:
    sealing.prepare(row.conversation.owner_id for row in rows)
    _save_plain(Citation.objects.filter(message__in=rows).select_related("message__conversation"))
    _save_plain(Rating.objects.filter(message__in=rows))
    search.index(_readable(rows, "text"))
    for row in _readable(rows, "sources"):
        row.documents = documents_of(row.sources)
    for row in rows:
        row.indexed = True
        row.save(update_fields=["text", "sources", "documents", "indexed"])


def _save_plain(rows: Iterable[Model]) -> None:
    for row in rows:
        if is_plain(row):
            row.save(update_fields=sealed_fields(type(row)))


def _readable(rows: Iterable[_Row], field: str) -> list[_Row]:
    """Without those that nobody can open; they stay as they are. Raises KeyIsMissing, for that can be put right."""
    found = []
    for row in rows:
        try:
            getattr(row, field)
        except Unreadable as error:
            if isinstance(error.__cause__, KeyIsMissing):
                raise error.__cause__ from None
        else:
            found.append(row)
    return found
