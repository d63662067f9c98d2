"""Documents' places in versions: for ingestion, in the transaction that makes a document ready, and for readers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from retrieval.models import Document, Passage, PassageVector
from retrieval.versions.current import serving, serving_for_writing
from retrieval.versions.models import IndexedDocument, IndexVersion

_OWED = """
SELECT d.id FROM retrieval_document d
 WHERE d.status = 'ready' AND d.id > %(after)s AND NOT EXISTS (
    SELECT 1 FROM versions_indexeddocument m
     WHERE m.version_id = %(version)s AND m.document_id = d.id AND (m.error = '' OR m.attempts >= %(most)s))
 ORDER BY d.id LIMIT %(limit)s
"""
_TAKE = """
INSERT INTO versions_indexeddocument (version_id, document_id, cut, passages, error, attempts)
SELECT %s, p.document_id, min(p.cut), count(*), '', 0
  FROM retrieval_passage p WHERE p.document_id = ANY(%s) GROUP BY p.document_id
    ON CONFLICT (version_id, document_id)
    DO UPDATE SET cut = excluded.cut, passages = excluded.passages, error = '', attempts = 0
"""
START = UUID(int=0)
MOST_ATTEMPTS = 3  # with one document; then the version has to do without it
_A_LOOK = 32  # documents


def take_places(documents: Sequence[UUID], *, model: str) -> bool:
    """In the serving version, with the one set of passages that each has. It stays the serving one until the
    transaction ends. False when another model serves by now: then cut and embed them anew.
    """
    version = serving_for_writing()
    if version.embedding_model != model:
        return False
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [version.pk, list(documents)])
    return True


def leave_places(document: UUID) -> None:
    """In every version: its passages are about to be made anew."""
    IndexedDocument.objects.filter(document=document).delete()


def owed(version: IndexVersion, after: UUID = START, limit: int = _A_LOOK) -> list[UUID]:
    """Ready documents that have no place in the version and may be tried, in the order of their ids."""
    values: dict[str, Any] = {"version": version.pk, "after": after, "most": MOST_ATTEMPTS, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(_OWED, values)
        return [row[0] for row in cursor.fetchall()]


def served(passages: QuerySet[Passage]) -> QuerySet[Passage]:
    """Those that answer questions now: not what another version, or one that is being built, made of a document."""
    version = serving().id
    return passages if version is None else passages.filter(_place_in(version, "document", "cut"))


def vectors_of_one_cut(model: str) -> QuerySet[PassageVector]:
    """Vectors by this model of ready documents, each cut in one way: as the version of the model has it that serves or
    served last, or else as another serves it."""
    stored = PassageVector.objects.filter(model=model, passage__document__status=Document.Status.READY)
    own = IndexVersion.objects.filter(
        embedding_model=model, status__in=(IndexVersion.Status.SERVING, IndexVersion.Status.RETIRED)
    )
    for version in filter(None, [*own.order_by("-served_at").values_list("pk", flat=True), serving().id]):
        members = stored.filter(_place_in(version, "passage__document", "passage__cut"))
        if members.exists():
            return members
    return stored


def _place_in(version: int, document: str, cut: str) -> Exists:
    places = IndexedDocument.objects.filter(version=version, error="")
    return Exists(places.filter(document=OuterRef(document), cut=OuterRef(cut)))
