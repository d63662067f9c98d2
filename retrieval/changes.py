"""The change log: what index services have yet to apply, in the order of the commits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile
from uuid import UUID

from django.db import connection
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from retrieval.contracts import INDEX_CHANNEL
from retrieval.models import Collection, Document, IndexChange
from retrieval.versions.models import IndexVersion

KEPT = timedelta(days=7)
FORGOTTEN_AT_ONCE = 10_000
_ROWS_A_STATEMENT = 500
_INDEX_LOCK = 0x466F6F74  # one number for the whole database: changes get their seq in the order of their commits


def record_change(document: Document, kind: IndexChange.Kind) -> None:
    """Tell every index service, and whoever keeps answers from the collection (`revisions`).

    Call last in the transaction: the lock makes other writers wait for its end.
    """
    record_changes([document], kind)


def record_changes(documents: Sequence[Document], kind: IndexChange.Kind) -> None:
    """The same for many at once.

    What the end of the transaction would check is checked before the lock is taken: a check waits for rows, whose
    holder may wait for the lock.
    """
    rows = [IndexChange(document_id=one.pk, collection_id=one.collection_id, kind=kind) for one in documents]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_INDEX_LOCK])
        IndexChange.objects.bulk_create(rows, batch_size=_ROWS_A_STATEMENT)
        cursor.execute("SELECT pg_notify(%s, '')", [INDEX_CHANNEL])


@dataclass(frozen=True, slots=True)
class Revision:
    """A collection as it is now: another `number` where its documents, and so answers from them, may differ."""

    collection: UUID
    number: int
    stays_in_house: bool
    version: int  # of the index, which is asked for all collections alike; 0: before the first one


def revisions(collections: Iterable[UUID]) -> list[Revision]:
    """Those that exist, in the order of their ids.

    The number is that of the newest change that index services may have applied; 0 when there was none for as long
    as changes are kept. It is read from the log rather than from a column of the collection: changes would wait for
    that row, which deleting a collection locks before its documents.
    """
    newest = IndexChange.objects.filter(collection_id=OuterRef("pk")).order_by("-seq").values("seq")[:1]
    serving = IndexVersion.objects.filter(status=IndexVersion.Status.SERVING).values("pk")[:1]
    found = Collection.objects.filter(pk__in=collections).annotate(
        number=Coalesce(Subquery(newest), 0), version=Coalesce(Subquery(serving), 0)
    )
    return [Revision(*row) for row in found.order_by("pk").values_list("pk", "number", "stays_in_house", "version")]


def forget_old() -> int:
    """Delete the oldest of the change log, never its newest row, never one in the middle. -> how many

    Safe with an index service that was away for longer: it finds none of the changes that it has applied any more,
    and loads everything anew from the passages (Follower._log_range).
    """
    before = timezone.now() - KEPT
    in_order = IndexChange.objects.order_by("seq")
    first = in_order.first()
    if first is None or first.created_at >= before:
        return 0
    oldest = list(in_order.values_list("seq", "created_at")[: FORGOTTEN_AT_ONCE + 1])
    old = [seq for seq, _ in takewhile(lambda row: row[1] < before, oldest[:-1])]
    return IndexChange.objects.filter(seq__lte=old[-1]).delete()[0] if old else 0
