"""How people keep their conversations: pinned, archived, in folders; several at once. Each function is one transaction
and takes the person: what is not theirs is passed over as if it were not there.

Each locks the person first, then the folder, then conversations, as what is done to folders does (folders.py).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypedDict
from uuid import UUID

from django.db import transaction

from chatapp import access
from chatapp.accounts.models import User
from chatapp.conversations.folders import lock_person, require_there
from chatapp.conversations.models import MOST_PINNED, Conversation, Folder
from chatapp.conversations.services import lock_turns
from chatapp.errors import Invalid
from chatapp.privacy.caches import forget_streams

MOST_AT_ONCE = 200  # conversations


class Kept(TypedDict, total=False):
    """What is to change; what is left out stays."""

    pinned: bool
    archived: bool
    folder: Folder | None


def keep(user: User, conversations: Collection[UUID], changes: Kept) -> int:
    """Whoever pins brings back, whoever archives unpins. -> how many there were. Raises Invalid and NotFound."""
    values: dict[str, Any] = dict(changes)
    if values.get("archived"):
        values["pinned"] = False
    elif values.get("pinned"):
        values["archived"] = False
    with transaction.atomic():
        lock_person(user)
        if folder := values.get("folder"):
            require_there(folder)
        rows = _locked(user, conversations)
        Conversation.objects.filter(pk__in=rows).update(**values)
        if values.get("pinned") and access.conversations(user).filter(pinned=True).count() > MOST_PINNED:
            raise Invalid(f"At most {MOST_PINNED} conversations can be pinned.", advice="Unpin others first.")
    return len(rows)


def delete(user: User, conversations: Collection[UUID]) -> int:
    """Running turns notice that their rows are gone and stop. -> how many there were"""
    with transaction.atomic():
        lock_person(user)
        rows = _locked(user, conversations)
        turns = lock_turns(rows)
        Conversation.objects.filter(pk__in=rows).delete()
        transaction.on_commit(lambda: forget_streams(turns))
    return len(rows)


def _locked(user: User, conversations: Collection[UUID]) -> list[UUID]:
    """In one order for all, so that no two wait for each other. A temporary chat is kept nowhere."""
    theirs = access.conversations(user).filter(pk__in=conversations, temporary=False)
    return list(theirs.select_for_update(of=("self",), no_key=True).order_by("pk").values_list("pk", flat=True))
