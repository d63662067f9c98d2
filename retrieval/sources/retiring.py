"""What leaves the collection because its source has it no more, or has something newer.

A document belongs to the sources that hold it unless somebody put it in by hand as well: then it stays.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q

from retrieval.models import Document
from retrieval.outages import retried
from retrieval.pipeline import ingestion
from retrieval.sources import leases
from retrieval.sources.leases import Lease
from retrieval.sources.models import Source, SourceItem
from retrieval.sources.places import carry_over, close_successors, remember, tell

MANY = 4  # fewer removals than that need nobody's word
_BATCH = 200


def point(item: SourceItem, document: Document) -> UUID | None:
    """Let the item stand for the document: at once where it has none, else as soon as it is ready. The caller saves.

    -> a document that it stands for no more
    """
    replaced = item.incoming_id
    if item.document_id is None:
        item.document = document
    elif item.document_id == document.pk:  # what was new was taken back
        item.incoming = None
    else:
        item.incoming = document
    return replaced if replaced != item.incoming_id else None


def retire_vanished(lease: Lease, alive: Callable[[], None], removed: Callable[[], None]) -> int:
    """Remove what the run did not find, and tell of each by `removed`. -> how many removals wait for a person's word
    instead, because they are more than half of everything: a share that is not mounted, or a wrong prefix, looks like
    that.
    """
    source = leases.extend(lease)
    items = SourceItem.objects.filter(source=source)
    held = Q(document__isnull=False) | Q(incoming__isnull=False)
    vanished = items.filter(~Q(run=source.run) | Q(absent=True) & held)
    number = vanished.filter(document__isnull=False).count()
    most = number * 2 > items.filter(document__isnull=False).count()
    if number >= MANY and most and not source.removals_accepted:
        return number
    while batch := list(vanished.select_related("source", "document", "incoming")[:_BATCH]):
        for item in batch:
            _remove(item, lease, keep_row=item.run == source.run)
            if item.document_id is not None:
                removed()
            alive()  # after it: each slice makes a step
    items.filter(absent=True).delete()  # last: a later slice would ask for them again
    return 0


def remove_with_documents(lease: Lease, alive: Callable[[], None]) -> None:
    """A source that goes, and what came from it alone."""
    items = SourceItem.objects.filter(source=lease.source_id)
    while batch := list(items.select_related("source", "document", "incoming")[:_BATCH]):
        for item in batch:
            _remove(item, lease)
            alive()  # after it: each slice makes a step
    with transaction.atomic():
        leases.locked(lease)
        Source.objects.filter(pk=lease.source_id).delete()


@retried
def _remove(item: SourceItem, lease: Lease, *, keep_row: bool = False) -> None:
    with transaction.atomic():
        leases.locked(lease)
        both = Document.objects.select_for_update().filter(pk__in=[item.document_id, item.incoming_id])
        # As they are now, and all locked before the first that goes takes the index lock.
        held: dict[UUID | None, Document] = {document.pk: document for document in both.order_by("pk")}
        changed, spare = list[Document](), list[UUID]()
        if document := held.get(item.document_id) or held.get(item.incoming_id):
            remember(item, document)
            changed, spare = close_successors(item, document)
        row = SourceItem.objects.filter(pk=item.pk)
        row.update(document=None, incoming=None) if keep_row else row.delete()
        for one in (item.document_id, item.incoming_id, *spare):
            retire_unless_held(one)
        tell(changed)


def settle(most: int = 500) -> int:
    """New versions that are ready take the place of the old ones. -> how many

    The old version of one that failed stays; the new one is in the list of failures, and is tried again from there.
    """
    failed = SourceItem.objects.filter(incoming__status=Document.Status.FAILED)
    for pk, code, error in failed.exclude(error=F("incoming__error")).values_list(
        "pk", "incoming__error_code", "incoming__error"
    )[:most]:
        SourceItem.objects.filter(pk=pk).update(error_code=code, error=error)
    ready = SourceItem.objects.filter(incoming__status=Document.Status.READY).order_by("pk")
    return sum(_settle(pk) for pk in list(ready.values_list("pk", flat=True)[:most]))


@retried
def _settle(pk: int) -> bool:
    with transaction.atomic():
        item = SourceItem.objects.select_for_update().filter(pk=pk, incoming__isnull=False).first()
        if item is None:
            return False
        new, changed = item.incoming_id, carry(item)
        settled = item.incoming_id == new and item.incoming_is_ready()
        old = item.document_id if settled else new
        if settled:
            item.document_id, item.incoming_id = new, None
            item.error_code = item.error = ""
        item.save()
        if old not in (item.document_id, item.incoming_id):
            retire_unless_held(old)
        tell(changed)
        return settled


def carry(item: SourceItem) -> list[Document]:
    """Where its document is, there its incoming one goes, unless something with the same bytes is there. The caller
    saves the item, and retires what it stands for no more.

    -> what the index services are told about, at the end of the transaction
    """
    if item.document_id is None or item.incoming_id is None:
        return []
    carried = carry_over(item.document_id, item.incoming_id)
    item.incoming_id = carried.version if carried.version != item.document_id else None
    return carried.changed


def retire_unless_held(document_id: UUID | None) -> None:
    """Unless another item stands for the same bytes, or somebody put them in by hand."""
    if document_id is None:
        return
    held = SourceItem.objects.filter(Q(document=document_id) | Q(incoming=document_id))
    document = Document.objects.filter(pk=document_id, by_hand=False).first()
    if document is not None and not held.exists():
        ingestion.delete_document(document=document, by=None)
