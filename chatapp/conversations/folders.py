"""Folders of conversations: each function is one transaction and takes the person."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction
from django.db.models import Count, Q, QuerySet

from chatapp import access
from chatapp.accounts.models import User
from chatapp.conversations.models import Folder
from chatapp.errors import Invalid, NotFound
from chatapp.privacy.fields import opened
from chatapp.safety.gates import clean_title
from chatapp.safety.masking.placeholders import Placeholders
from retrieval.stored_text import storable

MOST_FOLDERS = 100  # of one person
LONGEST_NAME = 80  # characters


def listed(user: User) -> QuerySet[Folder]:
    """In the order in which they were made, with `held`: how many conversations are shown in each."""
    shown = Count("conversations", filter=Q(conversations__archived=False))
    return access.folders(user).annotate(held=shown).order_by("created_at")


def create(user: User, name: str) -> Folder:
    """Raises Invalid and ContentBlocked."""
    with transaction.atomic():
        lock_person(user)
        there = list(access.folders(user))
        if len(there) >= MOST_FOLDERS:
            raise Invalid(f"There can be at most {MOST_FOLDERS} folders.", advice="Delete one that is not needed.")
        return Folder.objects.create(owner=user, name=_new_name(user, name, there))


def rename(user: User, folder: Folder, name: str) -> None:
    """Raises Invalid, NotFound and ContentBlocked."""
    with transaction.atomic():
        lock_person(user)
        require_there(folder)
        folder.name = _new_name(user, name, access.folders(user).exclude(pk=folder.pk))
        folder.save(update_fields=["name"])


def delete(user: User, folder: Folder) -> None:
    """Its conversations stay, in none."""
    with transaction.atomic():
        lock_person(user)
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
    name: str | None = opened(folder, "name")
    return name


def lock_person(user: User) -> None:
    """Until the end of the transaction nobody else counts or changes their folders and pins. Before any other lock, so
    that no two wait for each other."""
    list(User.objects.select_for_update(no_key=True).filter(pk=user.pk).values_list("pk"))


def require_there(folder: Folder) -> None:
    """Until the end of the transaction. Raises NotFound."""
    if not Folder.objects.select_for_update(no_key=True).filter(pk=folder.pk).exists():
        raise NotFound
