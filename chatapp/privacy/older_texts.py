"""Seals what versions before sealed texts left plain, and makes it findable.

Each batch is a transaction, and rows that others hold are passed over: it can be killed anywhere, run beside itself and
beside people who read and write the same conversations, and goes on where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

import structlog
from django.db import transaction
from django.db.models import Model, QuerySet

from chatapp.conversations import search
from chatapp.conversations.models import Citation, Conversation, Message, Turn
from chatapp.conversations.services import documents_of
from chatapp.feedback.models import Rating
from chatapp.privacy import sealing
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
    """Until nothing is left, or the time is over (looked at between batches). Raises KeyIsMissing."""
    ends = None if seconds is None else time.monotonic() + seconds
    done = Done(_until(ends, _seal_conversations), _until(ends, _seal_messages))
    if done.conversations or done.messages:
        log.info("privacy.sealed", conversations=done.conversations, messages=done.messages)
    return done


def left() -> Done:
    return Done(Conversation.objects.filter(sealed=False).count(), _owed_messages().count())


def _until(ends: float | None, step: Callable[[], int]) -> int:
    done = 0
    while ends is None or time.monotonic() < ends:
        some = step()
        done += some
        if not some:
            break
    return done


@transaction.atomic
def _seal_conversations() -> int:
    rows = list(Conversation.objects.filter(sealed=False).select_for_update(skip_locked=True).order_by("pk")[:_BATCH])
    sealing.prepare(row.owner_id for row in rows)
    _save_plain(Turn.objects.filter(question__conversation__in=rows, filters__isnull=False))
    search.index_titles(_readable(rows, "title"))
    for row in rows:
        row.sealed = True
        row.save(update_fields=["title", "sealed"])
    return len(rows)


def _owed_messages() -> QuerySet[Message]:
    """What is being written is sealed as it grows, and findable when it ends."""
    return Message.objects.filter(indexed=False).exclude(status=Message.Status.STREAMING)


@transaction.atomic
def _seal_messages() -> int:
    owed = _owed_messages().select_related("conversation").order_by("pk")
    rows = list(owed.select_for_update(of=("self",), skip_locked=True)[:_BATCH])
    sealing.prepare(row.conversation.owner_id for row in rows)
    _save_plain(Citation.objects.filter(message__in=rows).select_related("message__conversation"))
    _save_plain(Rating.objects.filter(message__in=rows))
    search.index(_readable(rows, "text"))
    for row in _readable(rows, "sources"):
        row.documents = documents_of(row.sources)
    for row in rows:
        row.indexed = True
        row.save(update_fields=["text", "sources", "documents", "indexed"])
    return len(rows)


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
