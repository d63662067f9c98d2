"""Conversations for tests: a branch whose answers rest on documents with readers of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Group
from django.utils import timezone

from chatapp.accounts.models import User
from chatapp.conversations.models import Citation, Conversation, Message
from retrieval.models import Collection, Document, Passage


@dataclass(frozen=True)
class Written:
    conversation: Conversation
    messages: list[Message]
    open: Document  # what everyone may read
    closed: Document  # what the group `board` may read alone


def document(name: str, *, everyone: bool = False, group: Group | None = None) -> Document:
    collection = Collection.objects.create(name=f"of {name}", everyone=everyone)
    if group is not None:
        collection.readers.add(group)
    row = Document.objects.create(
        collection=collection, name=name, size=1, sha256=name.encode().hex().ljust(64, "0")[:64],
        status=Document.Status.READY, ready_at=timezone.now(), passage_count=1,
    )  # fmt: skip
    Passage.objects.create(document=row, ordinal=0, text=f"Words of {name}.")
    return row


def say(home: Conversation, parent: Message | None, role: str, text: str, *behind: Document, **fields: Any) -> Message:
    sources = [
        {"number": number, "passage": one.passages.get().pk, "document": {"id": str(one.pk), "name": one.name}}
        for number, one in enumerate(behind, start=1)
    ]
    documents: list[UUID] | None = sorted({one.pk for one in behind})
    row = Message.objects.create(
        conversation=home, parent=parent, role=role, text=text, sources=sources, documents=documents, indexed=True,
        **fields,
    )  # fmt: skip
    for number, one in enumerate(behind, start=1):
        Citation.objects.create(
            message=row, number=number, passage=one.passages.get(), document_name=one.name, page=number + 2,
            quote=f"Words of {one.name}", score=0.9,
        )  # fmt: skip
    return row


def written(owner: User, board: Group) -> Written:
    home = Conversation.objects.create(owner=owner, title="Leave")
    open_one, closed = document("leave.md", everyone=True), document("salaries.md", group=board)
    first = say(home, None, "user", "How many days?")
    second = say(home, first, "assistant", "28 days. [1]", open_one, engine="local: tiny")
    third = say(home, second, "user", "> 28 days\n\nAnd what do they earn?")
    fourth = say(home, third, "assistant", "A million. [1]", closed, engine="local: tiny")
    fifth = say(home, fourth, "user", "> A million.\n\nReally?")
    sixth = say(home, fifth, "assistant", "Yes, as I said. [1]", open_one, engine="local: tiny")
    return Written(home, [first, second, third, fourth, fifth, sixth], open_one, closed)
