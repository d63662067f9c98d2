"""Which document is next: of the tenant that was served longest ago, and of its line that was, the one that has waited
longest. A collection is a line; what was attached to conversations is one line together.

A message only says that a stage has work; who takes it asks here. So one upload into a collection does not wait behind
ten thousand of another, nor behind the files of five hundred conversations, nor a tenant behind the hundred collections
of another. Each query reads a few entries of an index for each collection that owes work, however many documents wait
and however many collections owe none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, cast
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection

from retrieval.models import Document
from retrieval.pipeline.leases import MAX_ATTEMPTS, Lease

COLLECTIONS_A_LOOK = 1000
ATTACHED_A_LOOK = 64  # of those that hold what was attached to a conversation, of each tenant
DOCUMENTS_A_CLAIM = 64
ANY_SIZE = 2**62
_LEAST_SHARE = 8  # passages that a collection gives to a batch at least, so that a claim is worth its query

_FREE = "d.attempts < %(most)s AND d.size <= %(size)s AND (d.lease_until IS NULL OR d.lease_until < now())"
# First the collections that owe anything at all, one entry of an index for each; when a line was served last is in
# another one. What was attached to conversations is one line of its tenant, however many conversations there are: each
# waits there since it has something to be read. Who always begins new ones or goes back to old ones goes before nobody.
_COLLECTIONS = f"""
WITH RECURSIVE owing AS (
    (SELECT collection_id AS id FROM retrieval_document WHERE status = %(status)s ORDER BY 1 LIMIT 1)
    UNION ALL
    SELECT (SELECT d.collection_id FROM retrieval_document d
             WHERE d.status = %(status)s AND d.collection_id > owing.id ORDER BY 1 LIMIT 1)
      FROM owing WHERE owing.id IS NOT NULL),
free AS (
    SELECT c.id, c.tenant, c.attached, c.served_at, row_number() OVER (
            PARTITION BY c.tenant, c.attached
            ORDER BY CASE WHEN c.attached THEN GREATEST(c.served_at, first.queued_at) ELSE c.served_at END NULLS FIRST,
                     first.queued_at, c.id) AS place
      FROM owing CROSS JOIN LATERAL (SELECT * FROM retrieval_collection WHERE id = owing.id LIMIT 1) c
     CROSS JOIN LATERAL (
        SELECT d.queued_at FROM retrieval_document d
         WHERE d.collection_id = c.id AND d.status = %(status)s AND {_FREE} ORDER BY d.queued_at LIMIT 1) first),
served AS (
    SELECT tenants.tenant, kinds.attached, (
            SELECT max(c.served_at) FROM retrieval_collection c
             WHERE c.tenant = tenants.tenant AND c.attached = kinds.attached) AS at
      FROM (SELECT DISTINCT tenant FROM free) tenants CROSS JOIN (VALUES (false), (true)) kinds(attached)),
served_tenants AS (SELECT tenant, max(at) AS at FROM served GROUP BY tenant)
SELECT id, tenant, attached FROM free JOIN served USING (tenant, attached) JOIN served_tenants USING (tenant)
 WHERE NOT attached OR place <= {ATTACHED_A_LOOK}
 ORDER BY served_tenants.at NULLS FIRST, CASE WHEN attached THEN served.at ELSE served_at END NULLS FIRST, place, id
 LIMIT {COLLECTIONS_A_LOOK}
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


_Turn = UUID | str  # a tenant, a collection, or what was attached to the conversations of a tenant
_Tree = dict[_Turn, "_Tree | UUID"]
_Owing = tuple[UUID, UUID, bool]  # a collection, its tenant, and whether it holds what was attached


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
    for collection, _, _ in _owing(values):
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
        self._served: dict[_Turn, int] = {}

    def take(self, passages: int, token: UUID) -> list[Claimed]:
        """Documents with some so many passages, of as many tenants, of each as many lines, and of what was attached as
        many collections, as have room."""
        values = _values(Document.Status.EMBEDDING, working=Document.Status.EMBEDDING, token=token)
        tree, waiting = _tree(_owing(values))
        self._served = {one: turn for one, turn in self._served.items() if one in waiting}
        return self._of(tree, passages, values)[0]

    def _of(self, what: _Tree | UUID, passages: int, values: dict[str, Any]) -> tuple[list[Claimed], int]:
        """-> what was claimed, and how many passages of the room it takes: a long document no more than its share"""
        if isinstance(what, UUID):
            found = _take(_FILLING, {**values, "collection": what, "passages": passages})
            return found, sum(min(one.passages, passages) for one in found)
        claimed: list[Claimed] = []
        room = passages
        for left, one in self._in_turn(what):
            if room <= 0:
                break
            found, taken = self._of(what[one], _share(room, left), values)
            room -= taken
            claimed += found
        return claimed, passages - room

    def _in_turn(self, waiting: Iterable[_Turn]) -> Iterator[tuple[int, _Turn]]:
        """Who was served longest ago first, each with how many are left."""
        ordered = sorted(waiting, key=lambda one: self._served.get(one, -1))
        for number, one in enumerate(ordered):
            yield len(ordered) - number, one
            self._served[one] = next(self._turn)


def _share(passages: int, among: int) -> int:
    return min(passages, max(_LEAST_SHARE, passages // among))


def _tree(owing: Iterable[_Owing]) -> tuple[_Tree, set[_Turn]]:
    """-> of each tenant its lines, of the line of what was attached its collections; and all whose turn it can be"""
    tree: _Tree = {}
    waiting: set[_Turn] = set()
    for collection, tenant, attached in owing:
        among = cast(_Tree, tree.setdefault(tenant, {}))
        if attached:
            line = f"attached, {tenant}"
            among = cast(_Tree, among.setdefault(line, {}))
            waiting.add(line)
        among[collection] = collection
        waiting |= {tenant, collection}
    return tree, waiting


def _owing(values: dict[str, Any]) -> list[_Owing]:
    with connection.cursor() as cursor:
        cursor.execute(_COLLECTIONS, values)
        return cursor.fetchall()


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
