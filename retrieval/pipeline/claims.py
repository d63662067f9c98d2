"""Which document is next: of the tenant that was served longest ago, and of its collection that was, the one that has
waited longest.

A message only says that a stage has work; who takes it asks here. So one upload into a collection does not wait behind
ten thousand of another, nor a tenant behind the hundred collections of another. Each query reads a few entries of an
index, however many documents wait.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection

from retrieval.models import Document
from retrieval.pipeline.leases import MAX_ATTEMPTS, Lease

COLLECTIONS_A_LOOK = 1000
DOCUMENTS_A_CLAIM = 64
ANY_SIZE = 2**62
_LEAST_SHARE = 8  # passages that a collection gives to a batch at least, so that a claim is worth its query

_FREE = "d.attempts < %(most)s AND d.size <= %(size)s AND (d.lease_until IS NULL OR d.lease_until < now())"
_COLLECTIONS = f"""
WITH served AS (SELECT tenant, max(served_at) AS at FROM retrieval_collection GROUP BY tenant)
SELECT c.id, c.tenant FROM retrieval_collection c
 JOIN served ON served.tenant = c.tenant
 CROSS JOIN LATERAL (
    SELECT 1 FROM retrieval_document d
     WHERE d.collection_id = c.id AND d.status = %(status)s AND {_FREE} ORDER BY d.queued_at LIMIT 1) owed
 ORDER BY served.at NULLS FIRST, c.served_at NULLS FIRST, c.id LIMIT {COLLECTIONS_A_LOOK}
"""  # noqa: S608 - constants of ours; sorted and limited, so that one entry of the index is read for each collection
_TAKE = """
UPDATE retrieval_document d
   SET status = %(working)s, lease_token = %(token)s, attempts = attempts + 1,
       lease_until = now() + make_interval(secs => %(seconds)s)
  FROM picked WHERE d.id = picked.id
RETURNING d.id, d.attempts, d.collection_id, d.name, d.title, d.passage_count
"""
_OLDEST = f"""
WITH picked AS MATERIALIZED (
    SELECT d.id FROM retrieval_document d
     WHERE d.collection_id = %(collection)s AND d.status = %(status)s AND {_FREE}
     ORDER BY d.queued_at LIMIT 1 FOR UPDATE SKIP LOCKED)
{_TAKE}
"""  # noqa: S608
_GIVEN_BACK = f"""
WITH picked AS MATERIALIZED (
    SELECT d.id FROM retrieval_document d WHERE d.status = %(status)s AND {_FREE}
     ORDER BY d.queued_at LIMIT 1 FOR UPDATE SKIP LOCKED)
{_TAKE}
"""  # noqa: S608
_FILLING = f"""
WITH oldest AS MATERIALIZED (
    SELECT d.id, d.passage_count, d.queued_at FROM retrieval_document d
     WHERE d.collection_id = %(collection)s AND d.status = %(status)s AND {_FREE}
     ORDER BY d.queued_at LIMIT {DOCUMENTS_A_CLAIM} FOR UPDATE SKIP LOCKED),
counted AS (
    SELECT id, sum(passage_count) OVER (ORDER BY queued_at, id) - passage_count AS before FROM oldest),
picked AS MATERIALIZED (SELECT id FROM counted WHERE before < %(passages)s)
{_TAKE}
"""  # noqa: S608
_SERVED = """
UPDATE retrieval_collection SET served_at = clock_timestamp()
 WHERE id = (SELECT id FROM retrieval_collection WHERE id = %s FOR NO KEY UPDATE SKIP LOCKED)
"""  # waits for nobody: whoever deletes the collection holds its row
_OWED = f"SELECT EXISTS (SELECT 1 FROM retrieval_document d WHERE d.status = ANY(%(statuses)s) AND {_FREE})"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Claimed:
    """A document in our hands, with what the row said."""

    lease: Lease
    collection_id: UUID
    name: str
    title: str
    passages: int


def is_owed(*statuses: Document.Status, size: int = ANY_SIZE) -> bool:
    """Whether a document in one of these is free and due, of so many bytes at most."""
    values: dict[str, Any] = {"statuses": [status.value for status in statuses], "most": MAX_ATTEMPTS, "size": size}
    with connection.cursor() as cursor:
        cursor.execute(_OWED, values)
        return bool(cursor.fetchone()[0])


def next_to_parse(size: int = ANY_SIZE) -> Lease | None:
    """What was given back or left by a dead worker goes first; there are never many of these."""
    values = {**_values(Document.Status.PARSING, working=Document.Status.PARSING), "size": size}
    if claimed := _take(_GIVEN_BACK, values):
        return claimed[0].lease
    values = {**_values(Document.Status.RECEIVED, working=Document.Status.PARSING), "size": size}
    for collection, _ in _owing(values):
        if claimed := _take(_OLDEST, {**values, "collection": collection}):
            with connection.cursor() as cursor:
                cursor.execute(_SERVED, [collection])
            return claimed[0].lease
    return None


class EmbeddingTurns:
    """Whose turn it is to have passages embedded, by one line of work.

    It remembers by itself whom it served: parsing keeps another order, in `served_at`.
    """

    def __init__(self) -> None:
        self._turn = count()
        self._served: dict[UUID, int] = {}

    def take(self, passages: int, token: UUID) -> list[Claimed]:
        """Documents with some so many passages, of as many tenants, and of each as many collections, as have room."""
        values = _values(Document.Status.EMBEDDING, working=Document.Status.EMBEDDING, token=token)
        of_tenant = defaultdict[UUID, list[UUID]](list)
        for collection, tenant in _owing(values):
            of_tenant[tenant].append(collection)
        waiting = {*of_tenant, *chain.from_iterable(of_tenant.values())}
        self._served = {one: turn for one, turn in self._served.items() if one in waiting}
        claimed: list[Claimed] = []
        for left, tenant in self._in_turn(of_tenant):
            if passages <= 0:
                break
            found, taken = self._of_tenant(of_tenant[tenant], _share(passages, left), values)
            passages -= taken
            claimed += found
        return claimed

    def _of_tenant(
        self, collections: Sequence[UUID], passages: int, values: dict[str, Any]
    ) -> tuple[list[Claimed], int]:
        """-> what was claimed, and how many passages of the room it takes: a long document no more than its share"""
        claimed: list[Claimed] = []
        room = passages
        for left, collection in self._in_turn(collections):
            if room <= 0:
                break
            share = _share(room, left)
            found = _take(_FILLING, {**values, "collection": collection, "passages": share})
            room -= sum(min(one.passages, share) for one in found)
            claimed += found
        return claimed, passages - room

    def _in_turn(self, waiting: Iterable[UUID]) -> Iterator[tuple[int, UUID]]:
        """Who was served longest ago first, each with how many are left."""
        ordered = sorted(waiting, key=lambda one: self._served.get(one, -1))
        for number, one in enumerate(ordered):
            yield len(ordered) - number, one
            self._served[one] = next(self._turn)


def _share(passages: int, among: int) -> int:
    return min(passages, max(_LEAST_SHARE, passages // among))


def _owing(values: dict[str, Any]) -> Sequence[tuple[UUID, UUID]]:
    """-> (collection, its tenant)"""
    with connection.cursor() as cursor:
        cursor.execute(_COLLECTIONS, values)
        return [(row[0], row[1]) for row in cursor.fetchall()]


def _take(statement: str, values: dict[str, Any]) -> list[Claimed]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = cursor.fetchall()
    token = values["token"]
    return [Claimed(Lease(row[0], token, row[1]), *row[2:]) for row in rows]


def _values(status: Document.Status, *, working: Document.Status, token: UUID | None = None) -> dict[str, Any]:
    return {
        "status": status.value,
        "working": working.value,
        "token": token or uuid4(),
        "most": MAX_ATTEMPTS,
        "size": ANY_SIZE,
        "seconds": float(settings.RETRIEVAL.lease_seconds),
    }
