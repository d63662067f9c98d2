"""One way through the tree of a conversation, from its beginning to a message."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from chatapp.conversations.models import Conversation, Message
from chatapp.errors import NotFound


def messages_of(conversation: Conversation) -> list[Message]:
    """All of them, oldest first."""
    rows = conversation.messages.select_related("conversation").prefetch_related("citations").order_by("created_at")
    return list(rows)


def branch_to(messages: Iterable[Message], last: UUID | None) -> list[Message]:
    """None: the newest branch, which the page shows first. Raises NotFound."""
    rows = list(messages)
    by_id = {row.pk: row for row in rows}
    if last is None:
        return _newest(rows)
    if last not in by_id:
        raise NotFound
    branch: list[Message] = []
    at: Message | None = by_id[last]
    while at is not None:
        branch.append(at)
        at = by_id.get(at.parent_id) if at.parent_id else None
    return branch[::-1]


def _newest(rows: list[Message]) -> list[Message]:
    youngest = {row.parent_id: row for row in rows}
    branch: list[Message] = []
    at = youngest.get(None)
    while at is not None:
        branch.append(at)
        at = youngest.get(at.pk)
    return branch
