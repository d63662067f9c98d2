"""What index services read of Postgres: passages with their vectors, and what is known of their documents."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from retrieval.index.documents import Facts

_BATCH = 2000
# A year beyond 9999 can be stored, and no Python program can read it.
_WHEN_AND_WHO = """
    coalesce(CASE WHEN d.dated_at BETWEEN '1900-01-01Z' AND '2201-01-01Z' THEN d.dated_at END, d.created_at),
    CASE WHEN d.restricted
         THEN ARRAY(SELECT r.group_id FROM retrieval_document_readers r WHERE r.document_id = d.id) END
"""
_COLUMNS = f"""
    SELECT p.id, p.document_id, d.collection_id, d.name, d.title, p.heading, p.text, v.vector, d.media_type, d.path,
           {_WHEN_AND_WHO}
"""
_FACTS = f"""
    SELECT d.id, d.collection_id, d.name, d.media_type, d.path, {_WHEN_AND_WHO}
    FROM retrieval_document d WHERE d.status = 'ready' AND d.id = ANY(%s)
"""  # noqa: S608 - of constants
_OF_A_VERSION = f"""
    {_COLUMNS}
    FROM versions_indexeddocument m
    JOIN retrieval_document d ON d.id = m.document_id AND d.status = 'ready'
    JOIN retrieval_passage p ON p.document_id = m.document_id AND p.cut = m.cut
    JOIN retrieval_passagevector v ON v.passage_id = p.id AND v.model = %s
    WHERE m.version_id = %s AND m.error = ''
"""
_BEFORE_THE_FIRST_VERSION = f"""
    {_COLUMNS}
    FROM retrieval_passage p
    JOIN retrieval_document d ON d.id = p.document_id AND d.status = 'ready'
    JOIN retrieval_passagevector v ON v.passage_id = p.id AND v.model = %s
    WHERE %s::bigint IS NULL
"""


class Row(NamedTuple):
    """A passage of a ready document."""

    passage_id: int
    document_id: UUID
    collection_id: UUID
    document_name: str
    title: str
    heading: str
    text: str
    vector: bytes  # little-endian float16
    media_type: str
    path: str
    dated_at: datetime
    readers: list[int] | None  # groups, where the document has readers of its own

    @property
    def facts(self) -> Facts:
        return _facts(self.collection_id, self.document_name, self.media_type, self.path, self.dated_at, self.readers)


def _facts(
    collection: UUID, name: str, media_type: str, path: str, dated_at: datetime, readers: list[int] | None
) -> Facts:
    return Facts(collection, None if readers is None else frozenset(readers), media_type, path or name, dated_at)


def ready_documents(connection: psycopg.Connection[Any]) -> list[UUID]:
    return [row[0] for row in connection.execute("SELECT id FROM retrieval_document WHERE status = 'ready'")]


def facts_now(connection: psycopg.Connection[Any], documents: list[UUID]) -> dict[UUID, Facts]:
    """Of the ready ones among them."""
    return {document: _facts(*values) for document, *values in connection.execute(_FACTS, [documents])}


def whole_documents(
    connection: psycopg.Connection[Any], model: str, version: int | None, documents: list[UUID] | None = None
) -> Iterator[list[Row]]:
    """Rows of these, or of all, ready documents of a version in groups of about _BATCH, each document within one."""
    select = _BEFORE_THE_FIRST_VERSION if version is None else _OF_A_VERSION
    values: list[object] = [model, version]
    if documents is not None:
        select += " AND p.document_id = ANY(%s)"
        values.append(documents)
    held: list[Row] = []
    with connection.transaction(), connection.cursor("documents") as cursor:
        cursor.execute(select + " ORDER BY p.document_id, p.id", values)
        while rows := cursor.fetchmany(_BATCH):
            held += [Row(*row) for row in rows]
            whole = next((i for i in range(len(held), 0, -1) if held[i - 1].document_id != held[-1].document_id), 0)
            if whole:
                yield held[:whole]
                held = held[whole:]
    if held:
        yield held
