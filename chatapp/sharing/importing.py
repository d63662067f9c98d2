"""Bringing conversations in: each as a whole or not at all, by the rules for what people ask, marked as imported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction

from chatapp.accounts.models import User
from chatapp.conversations import search
from chatapp.conversations.admission import title_of
from chatapp.conversations.branch import UNKNOWN
from chatapp.conversations.masked import keep_new
from chatapp.conversations.models import LONGEST_TITLE, Conversation, Message
from chatapp.errors import TYPED_ERRORS, TypedError
from chatapp.governance.services import record
from chatapp.limits.models import Resource
from chatapp.limits.services import Asked, take
from chatapp.safety.askers import RulesFor, rules_for
from chatapp.safety.gates import clean_as_whole, clean_title
from chatapp.safety.masking.placeholders import PLACEHOLDER, Placeholders
from chatapp.safety.policy import Where
from chatapp.sharing.imported_files import OUR_FORM, ReadConversation, read
from chatapp.sharing.reading import IMPORTED


@dataclass(slots=True)
class Imported:
    conversations: list[UUID] = field(default_factory=list)
    refused: list[tuple[str, TypedError]] = field(default_factory=list)  # the title, and why


def bring_in(user: User, content: bytes) -> Imported:
    """Counts as one upload, also where it cannot be read: reading is the work. Raises LimitReached and NotImported."""
    take(Asked(user, ((Resource.UPLOADS, 1),)))
    done, rules = Imported(), rules_for([user], [Where.QUESTION])
    for row in read(content):
        try:
            with transaction.atomic():
                done.conversations.append(_one(user, row, rules))
        except TYPED_ERRORS as error:
            done.refused.append((row.title[:LONGEST_TITLE], error))
    return done


def _one(user: User, row: ReadConversation, rules: RulesFor) -> UUID:
    """Raises ContentBlocked, and what else the rules for questions say."""
    texts = [one.text for one in row.messages]
    # Placeholders of another conversation stand for nothing here, and are given to no other value.
    strange = {name: name for text in (row.title, *texts) for name in PLACEHOLDER.findall(text)}
    placeholders = Placeholders(lambda: strange)
    cleaned = [clean_as_whole(user, text, placeholders, rules) for text in texts]
    home = Conversation(owner=user, title=_title(user, row, cleaned[0], placeholders))
    home.save(force_insert=True)
    keep_new(home, placeholders)
    messages = _messages(home, row, cleaned)
    Message.objects.bulk_create(messages)
    search.index_new([home], messages)
    counts = Counter(one.role for one in row.messages)
    facts: dict[str, Any] = {"form": row.form, "questions": counts["user"], "answers": counts["assistant"]}
    record("conversation.imported", f"conversation {home.pk}", user, **facts)
    return home.pk


def _title(user: User, row: ReadConversation, first: str, placeholders: Placeholders) -> str:
    title = " ".join(row.title.split())[:LONGEST_TITLE]
    return (clean_title(user, title, placeholders) if title else title_of(first))[:LONGEST_TITLE]


def _messages(home: Conversation, row: ReadConversation, texts: Sequence[str]) -> list[Message]:
    """Without sources: nothing here could check them. What was exported here may rest on documents of the house."""
    behind = [UNKNOWN] if row.form == OUR_FORM else []
    made: list[Message] = []
    for one, text in zip(row.messages, texts, strict=True):
        parent = None if one.parent is None else made[one.parent]
        answers = one.role == Message.Role.ASSISTANT
        by: dict[str, Any] = {"engine": IMPORTED, "documents": behind} if answers else {}
        made.append(Message(conversation=home, parent=parent, role=one.role, text=text, indexed=True, **by))
    return made
