"""Where a document of a source belongs and who reads it: as closed as it ever was, whatever its source does with it."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Q

from retrieval.changes import record_change
from retrieval.models import Collection, Document, IndexChange
from retrieval.pipeline.ingestion import Place, keep_collection
from retrieval.sources.models import FormerPlace, Source, SourceItem

_LIKENESS = 0.5  # of two names: report-2024 and report-2025


def place_for(source: Source, key_hash: str, sha256: str) -> Place:
    """Of what the source has under this name: as that was, and as what has or had the same bytes (a file that was
    renamed). Where these disagree about the collection, administrators alone read it.
    """
    known = [*_of_key(source, key_hash), *_of_bytes(source, sha256)]
    named = [place.readers for place in known if place.readers is not None]
    readers = [group for group in named[0] if all(group in others for others in named)] if named else None
    elsewhere = list(dict.fromkeys(place.collection for place in known if place.collection != source.collection))
    return Place(elsewhere[0] if elsewhere else source.collection, [] if len(elsewhere) > 1 else readers)


def _of_key(source: Source, key_hash: str) -> Iterator[Place]:
    items = SourceItem.objects.filter(source=source, key_hash=key_hash)
    item = items.select_related("document__collection", "incoming__collection").first()
    if document := item and (item.document or item.incoming):
        yield _place_of(document)
    else:
        yield from _former(source, Q(key_hash=key_hash))


def _of_bytes(source: Source, sha256: str) -> Iterator[Place]:
    everywhere = list(Collection.objects.values_list("pk", flat=True))  # bytes are indexed with their collection
    same = Document.objects.filter(collection__in=everywhere, sha256=sha256)
    ours = same.filter(Q(source_items__source=source) | Q(incoming_items__source=source))
    closed = ours.filter(Q(restricted=True) | ~Q(collection=source.collection))
    for document in closed.select_related("collection").distinct():
        yield _place_of(document)
    yield from _former(source, Q(sha256=sha256))


def _place_of(document: Document) -> Place:
    return Place(document.collection, list(document.readers.all()) if document.restricted else None)


def _former(source: Source, which: Q) -> Iterator[Place]:
    for former in FormerPlace.objects.filter(which, source=source):
        collection = Collection.objects.filter(pk=former.collection_key).first()
        if collection is None:  # it went with what was in it
            yield Place(source.collection, [])
        else:
            yield Place(collection, list(former.readers.all()) if former.restricted else None)


def close_successors(item: SourceItem, document: Document) -> tuple[list[Document], list[UUID]]:
    """A closed document that vanishes may have been renamed and edited at once: what appeared since, beside it and
    under a name like its own, goes where it was, for its readers.

    -> what the index services are told about, and what has its bytes there already
    """
    changed: list[Document] = []
    spare: list[UUID] = []
    if not document.restricted and document.collection_id == item.source.collection_id:
        return changed, spare
    newer = SourceItem.objects.filter(source=item.source_id, since__gt=item.run, document__isnull=False)
    for pk, key, held in newer.values_list("pk", "key", "document"):
        if _alike(PurePosixPath(item.key), PurePosixPath(key)) and held != document.pk:
            carried = carry_over(document.pk, held)
            SourceItem.objects.filter(pk=pk).update(document=carried.version)
            changed += carried.changed
            spare += [held] if carried.version != held else []
    return changed, spare


def _alike(old: PurePosixPath, new: PurePosixPath) -> bool:
    beside = old.parent == new.parent and old.suffix.lower() == new.suffix.lower()
    return beside and SequenceMatcher(None, old.stem[:200], new.stem[:200]).ratio() >= _LIKENESS


def remember(item: SourceItem, document: Document) -> None:
    """Before the item or its document goes."""
    where = FormerPlace.objects.filter(source=item.source_id, key_hash=item.key_hash)
    if not document.restricted and document.collection_id == item.source.collection_id:
        where.delete()  # somebody opened it since
        return
    former, _ = FormerPlace.objects.update_or_create(
        source=item.source,
        key_hash=item.key_hash,
        defaults={
            "sha256": document.sha256,
            "collection_key": document.collection_id,
            "restricted": document.restricted,
        },
    )
    former.readers.set(document.readers.all())


def remember_deleted(instance: Document, **_: Any) -> None:
    """Whoever deletes it, with its collection too."""
    of_it = Q(document=instance) | Q(document=None, incoming=instance)
    for item in SourceItem.objects.filter(of_it).select_related("source"):
        remember(item, instance)


class Carried(NamedTuple):
    version: UUID  # the new one, or what has its bytes where it belongs
    changed: list[Document]  # the index services are told about them at the end of the transaction


def carry_over(old: UUID, new: UUID) -> Carried:
    """A new version goes where the old one is, and nobody reads it who may not read that, whatever was decided while
    it was fetched; what was narrowed on the new one stays narrow. Both stay locked until the transaction ends.
    """
    there = Document.objects.filter(pk=old).exclude(collection__documents=new).select_related("collection").first()
    if there is not None:
        keep_collection(there.collection)  # before documents are locked
    rows = Document.objects.select_for_update(of=("self",))
    was = rows.filter(pk=old).first()  # first, as whoever changes both does
    now = rows.filter(pk=new).first()
    if was is None or now is None or old == new:
        return Carried(new, [])
    before = now.collection_id
    changed: list[Document] = []
    if before != was.collection_id:
        same = Document.objects.filter(collection=was.collection_id, sha256=now.sha256).first()
        if same is not None:
            return Carried(same.pk, [])
        Document.objects.filter(pk=new).update(collection=was.collection_id)
        now.collection_id = was.collection_id
        changed = [now, Document(pk=new, collection_id=before)]
    if _narrow(was, now):
        changed = changed or [now]
    return Carried(new, changed)


def _narrow(old: Document, new: Document) -> bool:
    """-> whether anything changed"""
    if not old.restricted:
        return False
    of_old, of_new = set(old.readers.all()), set(new.readers.all())
    kept = of_old & of_new if new.restricted else of_old
    if new.restricted and kept == of_new:
        return False
    Document.objects.filter(pk=new.pk).update(restricted=True)
    new.readers.set(kept)
    return True


def tell(changed: list[Document]) -> None:
    for document in changed:
        record_change(document, IndexChange.Kind.ACCESS)
