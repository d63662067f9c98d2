"""How people keep their conversations: pinned, archived, in folders; several at once. Each function is one transaction
and takes the person: what is not theirs is passed over as if it were not there.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypedDict
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from chatapp import access
from chatapp.accounts.models import User
from chatapp.conversations.models import MOST_PINNED, Conversation, Folder, Turn
from chatapp.errors import Invalid, NotFound
from chatapp.privacy.caches import forget_streams
from chatapp.privacy.errors import Unreadable
from chatapp.safety.gates import clean_title
from chatapp.safety.masking.placeholders import Placeholders
from retrieval.stored_text import storable

MOST_FOLDERS = 100  # of one person
LONGEST_NAME = 80  # characters
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
        _lock_person(user)
        if folder := values.get("folder"):
            _still_there(folder)
        rows = _locked(user, conversations)
        Conversation.objects.filter(pk__in=rows).update(**values)
        if values.get("pinned") and access.conversations(user).filter(pinned=True).count() > MOST_PINNED:
            raise Invalid(f"At most {MOST_PINNED} conversations can be pinned.", advice="Unpin others first.")
    return len(rows)


def delete(user: User, conversations: Collection[UUID]) -> int:
    """Running turns notice that their rows are gone and stop. -> how many there were"""
    with transaction.atomic():
        rows = _locked(user, conversations)
        turns = list(Turn.objects.filter(question__conversation__in=rows).values_list("pk", flat=True))
        Conversation.objects.filter(pk__in=rows).delete()
        transaction.on_commit(lambda: forget_streams(turns))
    return len(rows)


def _locked(user: User, conversations: Collection[UUID]) -> list[UUID]:
    """In one order for all, so that no two wait for each other. A temporary chat is kept nowhere."""
    theirs = access.conversations(user).filter(pk__in=conversations, temporary=False)
    return list(theirs.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))


# -- folders -----------------------------------------------------------------------------------------------------------
def listed_folders(user: User) -> QuerySet[Folder]:
    """In the order in which they were made, with `held`: how many conversations are shown in each."""
    shown = Count("conversations", filter=Q(conversations__archived=False))
    return access.folders(user).annotate(held=shown).order_by("created_at")


def create_folder(user: User, name: str) -> Folder:
    """Raises Invalid and ContentBlocked."""
    with transaction.atomic():
        _lock_person(user)
        there = list(access.folders(user))
        if len(there) >= MOST_FOLDERS:
            raise Invalid(f"There can be at most {MOST_FOLDERS} folders.", advice="Delete one that is not needed.")
        return Folder.objects.create(owner=user, name=_new_name(user, name, there))


def rename_folder(user: User, folder: Folder, name: str) -> None:
    """Raises Invalid, NotFound and ContentBlocked."""
    with transaction.atomic():
        _lock_person(user)
        _still_there(folder)
        folder.name = _new_name(user, name, access.folders(user).exclude(pk=folder.pk))
        folder.save(update_fields=["name"])


def delete_folder(folder: Folder) -> None:
    """Its conversations stay, in none."""
    folder.delete()


def _new_name(user: User, name: str, others: Collection[Folder] | QuerySet[Folder]) -> str:
    """Masked values are not kept: a folder has no place for them."""
    name = " ".join(storable(name).split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise Invalid(f"The name of a folder has 1 to {LONGEST_NAME} characters.")
    name = clean_title(user, name, Placeholders())[:LONGEST_NAME]
    if name.casefold() in {(name_of(one) or "").casefold() for one in others}:
        raise Invalid("There is a folder of this name.", advice="Choose another name.")
    return name


def name_of(folder: Folder) -> str | None:
    """None: nobody can open it."""
    try:
        return folder.name
    except Unreadable:
        return None


def _lock_person(user: User) -> None:
    """Until the end of the transaction nobody else counts their folders and pins."""
    list(User.objects.select_for_update(no_key=True).filter(pk=user.pk).values_list("pk"))


def _still_there(folder: Folder) -> None:
    if not Folder.objects.select_for_update(no_key=True).filter(pk=folder.pk).exists():
        raise NotFound
