"""Versions that nobody goes back to any more: their vectors and passages are deleted, in bounded steps.

One walk over all passages finds what belongs to no version that is kept, what an unfinished build left behind too.
Passages that something else refers to stay, such as those that an answer cites.
"""

from __future__ import annotations

import time
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from retrieval.models import Passage, PassageVector
from retrieval.versions import structures
from retrieval.versions.current import lock_versions
from retrieval.versions.models import IndexedDocument, IndexVersion

log = structlog.get_logger(__name__)

STEP = 5000  # passages looked at in one transaction
_CURSOR = "cleared_to"  # in the report: how far the walk has come
_Status = IndexVersion.Status
# One that is held has its documents and waits for nobody.
_IN_THE_MAKING = Q(status__in=[_Status.BUILDING, _Status.CHECKING]) | Q(status=_Status.READY, promote=True)

# Documents that are not ready are in ingestion's hands.
_OF_NO_VERSION = """
    NOT EXISTS (SELECT 1 FROM versions_indexeddocument m JOIN versions_indexversion w ON w.id = m.version_id
                 WHERE m.document_id = p.document_id AND m.cut = p.cut AND w.cleared_at IS NULL {and_model})
"""
_VECTORS = f"""
DELETE FROM retrieval_passagevector v USING retrieval_passage p, retrieval_document d
 WHERE p.id > %s AND p.id <= %s AND v.passage_id = p.id AND d.id = p.document_id AND d.status = 'ready'
   AND {_OF_NO_VERSION.format(and_model="AND w.embedding_model = v.model")}
"""  # noqa: S608 - constants of ours
_PASSAGES = f"""
SELECT p.id FROM retrieval_passage p JOIN retrieval_document d ON d.id = p.document_id AND d.status = 'ready'
 WHERE p.id > %s AND p.id <= %s AND {_OF_NO_VERSION.format(and_model="")}
"""  # noqa: S608


def owed() -> list[IndexVersion]:
    """Ended versions beyond those that are kept for going back; of the failed ones the newest may be tried again."""
    retired = list(IndexVersion.objects.filter(status=_Status.RETIRED, cleared_at=None).order_by("-ended_at"))
    cancelled = list(IndexVersion.objects.filter(status=_Status.CANCELLED, cleared_at=None))
    failed = list(IndexVersion.objects.filter(status=_Status.FAILED, cleared_at=None).order_by("-pk"))
    newest = IndexVersion.objects.order_by("-pk").first()
    return [*retired[settings.RETRIEVAL.versions_kept :], *cancelled, *(one for one in failed if one != newest)]


def is_owed() -> bool:
    return bool(owed()) or IndexVersion.objects.filter(report__has_key=_CURSOR).exists()


def clear(until: float) -> bool:
    """-> whether nothing is left to do. It goes on where a walk before it ended."""
    with transaction.atomic():
        lock_versions()
        for version in owed():
            _note(version, 0, cleared_at=timezone.now())
    cleared = list(IndexVersion.objects.filter(report__has_key=_CURSOR))
    if not cleared:
        return True
    after, last = min(one.report[_CURSOR] for one in cleared), Passage.objects.aggregate(last=Max("pk"))["last"] or 0
    while after < last:
        if time.monotonic() > until or not _step(cleared, after):
            return False
        after += STEP
    for version in cleared:
        while _forget_places(version):
            if time.monotonic() > until:
                return False
        structures.remove(version)
        _note(version, None)
        log.info("version.cleared", version=version.pk)
    return True


def _step(cleared: list[IndexVersion], after: int) -> bool:
    """False while another version is in the works: what it has made does not belong to it yet."""
    with transaction.atomic():
        lock_versions()
        if IndexVersion.objects.filter(_IN_THE_MAKING).exists():
            return False
        with connection.cursor() as cursor:
            cursor.execute(_VECTORS, [after, after + STEP])
            cursor.execute(_PASSAGES, [after, after + STEP])
            passages = [row[0] for row in cursor.fetchall()]
        _unreferred(passages).delete()
        for version in cleared:
            _note(version, after + STEP)
    return True


def _unreferred(passages: list[int]) -> QuerySet[Passage]:
    found = Passage.objects.filter(pk__in=passages)
    for relation in Passage._meta.related_objects:
        if relation.related_model is not PassageVector:
            found = found.exclude(
                Exists(relation.related_model._default_manager.filter(**{relation.field.name: OuterRef("pk")}))
            )
    return found


def _forget_places(version: IndexVersion) -> int:
    some = IndexedDocument.objects.filter(version=version).values("pk")[:STEP]
    return IndexedDocument.objects.filter(pk__in=some).delete()[0]


def _note(version: IndexVersion, after: int | None, **values: Any) -> None:
    rest = {key: value for key, value in version.report.items() if key != _CURSOR}
    version.report = rest if after is None else {**rest, _CURSOR: after}
    IndexVersion.objects.filter(pk=version.pk).update(report=version.report, **values)
