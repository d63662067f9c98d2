"""What administrators and curators do with collections. Documents come and go, and collections go, through
retrieval.pipeline.ingestion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, BinaryIO
from uuid import UUID

import structlog
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.db.models import Count

from chatapp.access import get_collection_to_curate, listed_documents
from chatapp.accounts.models import User
from chatapp.documents.cuts import set_cut
from chatapp.errors import ChatAppError, Invalid, NotFound
from chatapp.governance.services import record
from chatapp.organisations.boundaries import groups_of
from retrieval.changes import record_change
from retrieval.models import Collection, Document, IndexChange
from retrieval.outages import retried
from retrieval.pipeline.ingestion import (
    Place,
    Receipt,
    delete_document,
    keep_collection,
    read_again,
    receive_where,
)
from retrieval.sources.models import SourceItem
from retrieval.stored_text import storable

log = structlog.get_logger(__name__)

_MOST_READERS = 1000


class NameTaken(ChatAppError):
    code, http_status = "name_taken", 409
    user_message = "There is a collection of this name already."
    advice = "Choose another name."


def create_collection(
    *,
    name: str,
    by: User,
    description: str = "",
    everyone: bool = False,
    readers: Sequence[str] = (),
    **cut: int | None,
) -> Collection:
    """A collection that administrators read, and whoever is named here."""
    groups = groups_named(readers, by.tenant)
    name = valid_name(name)
    words = storable(description.strip(), 500)
    try:
        with transaction.atomic():
            collection = Collection(name=name, tenant=by.tenant, description=words, everyone=everyone)
            set_cut(collection, cut)
            collection.save(force_insert=True)
            collection.readers.set(groups)
            record(
                "collection.added",
                name,
                by,
                organisation=collection.tenant,
                everyone=everyone,
                readers=sorted(one.name for one in groups),
            )
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
    set_cut(collection, changes)
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
                collection.readers.set(groups_named(changes["readers"], collection.tenant))
            now = _picture(collection, changes)
            if different := {name: {"from": old[name], "to": now[name]} for name in now if old[name] != now[name]}:
                record("collection.changed", before.name, by, organisation=before.tenant, **different)
    except IntegrityError:
        raise NameTaken from None
    log.info("collection.changed", collection=str(collection.pk), by=str(by.pk), fields=sorted(changes))
    return collection


def update_document(*, document: Document, by: User, changes: dict[str, Any]) -> Document:
    """`restricted`: of those who may read its collection, only the groups `readers`; `collection`: where it goes.

    It counts from the next question on, and the index services hear of it; nothing is read or embedded again, so its
    passages stay as they were cut.
    """
    try:
        held = _change_documents(document, by, changes)
    except IntegrityError:
        raise Invalid("The same file is in that collection already.", advice="Delete one of the two first.") from None
    log.info("document.changed", document=str(held.pk), by=str(by.pk), fields=sorted(changes))
    return held


@retried
def _change_documents(document: Document, by: User, changes: dict[str, Any]) -> Document:
    """It, and the version that is about to take its place: both or neither."""
    with transaction.atomic():
        target = get_collection_to_curate(by, changes["collection"]) if "collection" in changes else None
        if target is not None:
            _stays_where_it_is(document, target)
            keep_collection(target)
        # The collection's row stays free: who makes its documents ready waits for it under the index lock.
        rows = Document.objects.select_for_update(of=("self",)).select_related("collection")
        held = rows.filter(pk=document.pk).first()
        if held is None:
            raise NotFound
        newer = SourceItem.objects.filter(document=held, incoming__isnull=False).values("incoming")
        told = [_change(one, by, target, changes) for one in (held, *rows.filter(pk__in=newer).order_by("pk"))]
        for changed in chain.from_iterable(told):
            record_change(changed, IndexChange.Kind.ACCESS)
        return held


def _stays_where_it_is(document: Document, target: Collection) -> None:
    """What an organisation has leaves it by nobody's hand, and takes no readers of one to another."""
    if target.tenant != document.collection.tenant:
        raise NotFound


def _change(held: Document, by: User, target: Collection | None, changes: dict[str, Any]) -> list[Document]:
    """-> what the index services are told about"""
    old, before = _who_reads(held), held.collection
    _apply(held, target, changes)
    now = _who_reads(held)
    different = {name: {"from": old[name], "to": now[name]} for name in now if old[name] != now[name]}
    if not different:
        return []
    record("document.changed", held.name, by, organisation=before.tenant, document=str(held.pk), **different)
    moved = held.collection != before  # answers from there are out of date as well
    return [held, Document(pk=held.pk, collection=before)] if moved else [held]


def _apply(document: Document, target: Collection | None, changes: dict[str, Any]) -> None:
    if target is not None:
        document.collection = target
    if "restricted" in changes:
        document.restricted = changes["restricted"]
    document.save(update_fields=["collection", "restricted"])
    if "readers" in changes:
        document.readers.set(groups_named(changes["readers"], document.collection.tenant))


def receive(
    *, collection: Collection, name: str, path: str, content: BinaryIO, by: User, readers: Sequence[str] | None
) -> Receipt:
    """`readers`: groups, of the document alone, also where it is here already; None leaves them as they are."""
    groups = None if readers is None else groups_named(readers, collection.tenant)

    def place(sha256: str) -> Place:
        """In the transaction that stores the document."""
        detail: dict[str, Any] = {"collection": collection.name, "sha256": sha256, "organisation": collection.tenant}
        record("document.uploaded", name, by, **detail, readers=None if readers is None else sorted(readers))
        return Place(collection, groups)

    receipt = receive_where(place, name=name, path=path, content=content, by=by)
    if readers is not None:
        update_document(document=receipt.document, by=by, changes={"restricted": True, "readers": readers})
    return receipt


@retried
@transaction.atomic
def read_document_again(*, document: Document, by: User) -> None:
    """Raises NotReady."""
    home = document.collection
    detail = {"document": str(document.pk), "collection": home.name}
    record("document.read_again", document.name, by, organisation=home.tenant, **detail)
    read_again(document=document)


@retried
@transaction.atomic
def delete(*, document: Document, by: User) -> None:
    home = document.collection
    detail = {"document": str(document.pk), "collection": home.name}
    record("document.removed", document.name, by, organisation=home.tenant, **detail)
    delete_document(document=document, by=by)


def collection_for(*, name: str, by: User) -> Collection:
    """The collection of this name, made for administrators alone where it is missing."""
    found = Collection.objects.filter(name=valid_name(name), tenant=by.tenant).first()
    return found or create_collection(name=name, by=by)


def count_by_status(collections: Iterable[Collection], user: User) -> dict[UUID, dict[str, int]]:
    """-> for each collection how many documents that this person reads or looks after are in which status"""
    counts: dict[UUID, dict[str, int]] = {collection.pk: {} for collection in collections}
    listed = listed_documents(user).filter(collection__in=counts)
    rows = listed.order_by().values_list("collection", "status")
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


def _who_reads(document: Document) -> dict[str, Any]:
    return {
        "collection": document.collection.name,
        "restricted": document.restricted,
        "readers": sorted(document.readers.values_list("name", flat=True)),
    }


def groups_named(names: Sequence[str], organisation: UUID) -> list[Group]:
    """Those of the organisation. Raises Invalid."""
    asked = set(names)
    if len(asked) > _MOST_READERS:
        raise Invalid(f"There can be {_MOST_READERS} groups of readers.", advice="Name fewer.")
    groups = list(groups_of(organisation).filter(name__in={storable(name) for name in asked} & asked))
    if missing := asked - {group.name for group in groups}:
        listed = storable(", ".join(sorted(missing)), 200)
        raise Invalid(f"There is no group named {listed}.", advice="Make the group first, in the administration.")
    return groups
