"""Which version answers questions: it, not the environment, says which model embeds."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.utils import timezone

from retrieval.contracts import VERSIONS_CHANNEL
from retrieval.versions.models import IndexVersion

_VERSIONS_LOCK = 0x466F6F75  # one number for the whole database: the first version is made once

_MEMBERS = """
INSERT INTO versions_indexeddocument (version_id, document_id, cut, passages, error, attempts)
SELECT %s, d.id, coalesce(min(p.cut), ''), count(p.id), '', 0
  FROM retrieval_document d LEFT JOIN retrieval_passage p ON p.document_id = d.id
 WHERE d.status = 'ready'
 GROUP BY d.id
HAVING count(p.id) = (SELECT count(*) FROM retrieval_passagevector v JOIN retrieval_passage q ON q.id = v.passage_id
                       WHERE q.document_id = d.id AND v.model = %s)
"""


@dataclass(frozen=True, slots=True)
class Spec:
    """What of a version ingestion and questions need to know."""

    id: int | None  # None: before the first one, which the settings describe
    embedding_model: str
    kind: str = "auto"


def serving() -> Spec:
    """The version that answers questions, as it is now. Before the first one: what the settings say."""
    row = IndexVersion.objects.filter(status=IndexVersion.Status.SERVING).values_list("pk", "embedding_model", "kind")
    found = row.first()
    return Spec(*found) if found else Spec(None, settings.RETRIEVAL.embedding_model)


def serving_for_writing() -> IndexVersion:
    """The serving version; it stays that until the transaction ends. The first one is made here, when it is needed,
    with every document that is ready.
    """
    version = _held()
    if version is None:
        lock_versions()
        version = _held() or _first()
    return version


def lock_versions() -> None:
    """Nobody else makes a version until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_VERSIONS_LOCK])


def _held() -> IndexVersion | None:
    """FOR SHARE: many write at once, and a promotion waits until they have ended."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM versions_indexversion WHERE status = 'serving' FOR SHARE")
        row = cursor.fetchone()
    return IndexVersion.objects.get(pk=row[0]) if row else None


def _first() -> IndexVersion:
    model = settings.RETRIEVAL.embedding_model
    version = IndexVersion.objects.create(
        status=IndexVersion.Status.SERVING, embedding_model=model, served_at=timezone.now(), note="The first one."
    )
    with connection.cursor() as cursor:
        cursor.execute(_MEMBERS, [version.pk, model])
    notify()
    return version


def notify() -> None:
    """Tell the index services, when the transaction ends, to look at the versions again."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [VERSIONS_CHANNEL])
