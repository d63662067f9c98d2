"""Who reads what was attached: the person whose conversation it is, at the pages, and nobody else.

Keys open none of it, nor do widgets: what is behind a mark is asked of the person alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection as Container
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from chatapp import access
from chatapp.accounts.models import User
from chatapp.attachments.models import Attached
from chatapp.database import Together
from retrieval.models import Document

_Row = tuple[UUID, UUID, UUID, str | None]
_ENDED = frozenset({Document.Status.READY, Document.Status.FAILED})


@dataclass(frozen=True, slots=True)
class Files:
    """Of one conversation, as its search sees them."""

    beside: bool = False  # something was attached, whether or not whoever asks may read it
    collection: UUID | None = None  # None: nothing that they may read
    ready: int = 0
    unread: int = 0  # on their way


NOTHING = Files()


def files_of_each(asked: Sequence[tuple[User, UUID]]) -> list[Files]:
    """`asked`: who asks in which conversation. One query for all."""
    homes = {conversation for _, conversation in asked}
    rows = (
        access.attached_to_each([user for user, _ in asked])
        .filter(attached_to__in=homes)
        .values_list("attached_to", "attached_to__conversation__owner", "pk", "documents__status")
    )
    collections: dict[tuple[UUID, UUID], UUID] = {}
    statuses = defaultdict[tuple[UUID, UUID], list[str]](list)
    for conversation, owner, collection, status in cast("Iterable[_Row]", rows):
        collections[owner, conversation] = collection
        statuses[owner, conversation] += [status] if status else []

    def files(user: User, conversation: UUID) -> Files:
        key = (user.pk, conversation)
        if user.grant is not None or key not in collections:
            return NOTHING
        found = statuses[key]
        ready = sum(status == Document.Status.READY for status in found)
        return Files(True, collections[key], ready, sum(status not in _ENDED for status in found))

    return [files(*one) for one in asked]


def unread_files_of(conversation: UUID) -> Files:
    """For a key or a widget, which read none."""
    return Files(Attached.objects.filter(conversation=conversation).exists())


files_of = Together[tuple[User, UUID], Files](files_of_each)


def theirs(users: Sequence[User], collections: Container[UUID]) -> set[tuple[UUID, UUID]]:
    """-> (person, collection): of these, what was attached to a conversation of which of these people"""
    if not collections:
        return set()
    rows = access.attached_to_each(users).filter(pk__in=collections)
    return set(cast("Iterable[tuple[UUID, UUID]]", rows.values_list("attached_to__conversation__owner", "pk")))
