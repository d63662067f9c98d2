"""What administrators do with collections. Documents come and go, and collections go, through
retrieval.ingestion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import structlog
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.db.models import Count

from chatapp.accounts.models import User
from chatapp.errors import ChatAppError, Invalid, NotFound
from chatapp.governance.services import record
from retrieval.ingestion import storable
from retrieval.models import Collection, Document

log = structlog.get_logger(__name__)

_MOST_READERS = 1000


class NameTaken(ChatAppError):
    code, http_status = "name_taken", 409
    user_message = "There is a collection of this name already."
    advice = "Choose another name."


def create_collection(
    *, name: str, by: User, description: str = "", everyone: bool = False, readers: Sequence[str] = ()
) -> Collection:
    """A collection that administrators read, and whoever is named here."""
    groups = _groups(readers)
    name = valid_name(name)
    try:
        with transaction.atomic():
            collection = Collection.objects.create(
                name=name, description=storable(description.strip(), 500), everyone=everyone
            )
            collection.readers.set(groups)
            record("collection.added", name, by, everyone=everyone, readers=sorted(one.name for one in groups))
    except IntegrityError:
        raise NameTaken from None
    log.info("collection.created", collection=str(collection.pk), by=str(by.pk))
    return collection


def update_collection(*, collection: Collection, by: User, changes: dict[str, Any]) -> Collection:
    """Change name, description or who reads it; a change of readers counts from the next question on."""
    if "name" in changes:
        collection.name = valid_name(changes["name"])
    if "description" in changes:
        collection.description = storable(changes["description"].strip(), 500)
    if "everyone" in changes:
        collection.everyone = changes["everyone"]
    try:
        with transaction.atomic():
            columns = {name: getattr(collection, name) for name in changes if name != "readers"}
            before = Collection.objects.select_for_update().filter(pk=collection.pk).first()
            if before is None:
                raise NotFound  # deleted meanwhile: saving would bring it back
            old = _picture(before, changes)
            if columns:
                Collection.objects.filter(pk=collection.pk).update(**columns)
            if "readers" in changes:
                collection.readers.set(_groups(changes["readers"]))
            now = _picture(collection, changes)
            if different := {name: {"from": old[name], "to": now[name]} for name in now if old[name] != now[name]}:
                record("collection.changed", before.name, by, **different)
    except IntegrityError:
        raise NameTaken from None
    log.info("collection.changed", collection=str(collection.pk), by=str(by.pk), fields=sorted(changes))
    return collection


def collection_for(*, name: str, by: User) -> Collection:
    """The collection of this name, made for administrators alone where it is missing."""
    found = Collection.objects.filter(name=valid_name(name)).first()
    return found or create_collection(name=name, by=by)


def count_by_status(collections: Iterable[Collection]) -> dict[UUID, dict[str, int]]:
    """-> for each collection how many documents are in which status"""
    counts: dict[UUID, dict[str, int]] = {collection.pk: {} for collection in collections}
    rows = Document.objects.filter(collection__in=counts).order_by().values_list("collection", "status")
    for collection_id, status, number in rows.annotate(number=Count("id")):
        counts[collection_id][status] = number
    return counts


def valid_name(name: str) -> str:
    name = " ".join(storable(name).split())
    if not name or len(name) > 120:
        raise Invalid("The name of a collection has 1 to 120 characters.", advice="Choose another name.")
    return name


def _picture(collection: Collection, fields: Iterable[str]) -> dict[str, Any]:
    """For the audit trail."""
    return {
        name: sorted(collection.readers.values_list("name", flat=True))
        if name == "readers"
        else getattr(collection, name)
        for name in fields
    }


def _groups(names: Sequence[str]) -> list[Group]:
    asked = set(names)
    if len(asked) > _MOST_READERS:
        raise Invalid(f"A collection can have {_MOST_READERS} groups of readers.", advice="Name fewer.")
    groups = list(Group.objects.filter(name__in={storable(name) for name in asked} & asked))
    if missing := asked - {group.name for group in groups}:
        listed = storable(", ".join(sorted(missing)), 200)
        raise Invalid(f"There is no group named {listed}.", advice="Make the group first, in the administration.")
    return groups
