"""Is a version what it should be: counted against Postgres, and held against the serving one on a question set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, Q, Sum

from retrieval.models import Document
from retrieval.versions import gate
from retrieval.versions.models import IndexedDocument, IndexVersion

LISTED = 50  # documents that failed, in a report

# A place says how many passages it has; each of them must have its vector, of the right size.
_INCOMPLETE = """
SELECT m.document_id FROM versions_indexeddocument m
  LEFT JOIN retrieval_passage p ON p.document_id = m.document_id AND p.cut = m.cut
  LEFT JOIN retrieval_passagevector v
         ON v.passage_id = p.id AND v.model = %(model)s AND octet_length(v.vector) = %(bytes)s
 WHERE m.version_id = %(version)s AND m.error = ''
 GROUP BY m.document_id, m.passages
HAVING count(v.id) <> m.passages OR count(p.id) <> m.passages
 LIMIT 1000
"""
_DROP_BROKEN = """
DELETE FROM retrieval_passagevector v USING retrieval_passage p
 WHERE v.passage_id = p.id AND p.document_id = ANY(%s) AND v.model = %s AND octet_length(v.vector) <> %s
"""


@dataclass(slots=True)
class Findings:
    report: dict[str, Any] = field(default_factory=dict)
    incomplete: list[UUID] = field(default_factory=list)  # to be taken in again
    problem: str = ""  # the version must not serve


def totals(version: IndexVersion) -> dict[str, int]:
    """What its places say."""
    places = IndexedDocument.objects.filter(version=version, error="")
    found = places.aggregate(documents=Count("pk"), passages=Sum("passages"))
    return {"documents": found["documents"], "passages": found["passages"] or 0}


def counted(version: IndexVersion) -> Findings:
    """Documents, passages and vectors, as they are stored."""
    found = Findings(report=dict(totals(version)))
    found.report["ready_documents"] = Document.objects.filter(status=Document.Status.READY).count()
    with connection.cursor() as cursor:
        size = 2 * (version.dimension or 0)
        values: dict[str, Any] = {"version": version.pk, "model": version.embedding_model, "bytes": size}
        cursor.execute(_INCOMPLETE, values)
        found.incomplete = [row[0] for row in cursor.fetchall()]
    found.report["incomplete"] = len(found.incomplete)
    found.report["failed"] = failures(version)
    return found


def drop(version: IndexVersion, documents: list[UUID]) -> None:
    """Take their places away, and vectors of a wrong size with them: they are owed again."""
    with transaction.atomic(), connection.cursor() as cursor:
        IndexedDocument.objects.filter(version=version, document__in=documents).delete()
        cursor.execute(_DROP_BROKEN, [documents, version.embedding_model, 2 * (version.dimension or 0)])


def failures(version: IndexVersion) -> dict[str, Any]:
    """What the version has to do without; `found_now` counts those that the serving version has. What was attached to
    conversations is counted alone: a report is kept, and its readers may not know the names of private files."""
    failed = IndexedDocument.objects.filter(version=version).exclude(error="")
    of_all = failed.filter(document__collection__attached=False)
    listed = of_all.select_related("document").order_by("document__name")[:LISTED]
    return {
        "documents": failed.count(),
        "found_now": lacking(version),
        "listed": [{"id": str(f.document_id), "name": f.document.name, "error": f.error} for f in listed],
    }


def lacking(version: IndexVersion) -> int:
    """Documents that are found now, and would not be."""
    failed = IndexedDocument.objects.filter(version=version).exclude(error="")
    now = Q(document__places__version__status=IndexVersion.Status.SERVING, document__places__error="")
    return failed.exclude(version__status=IndexVersion.Status.SERVING).filter(now).distinct().count()


def judged(version: IndexVersion, baseline: int) -> Findings:
    """The question set of the version, asked of both. Raises IndexUnavailable while a service loads the version."""
    found = Findings()
    if not version.gate:
        return found
    judge = gate.installed()
    if judge is None:
        found.problem = "No evaluation is installed that could ask the question set."
        return found
    verdict = judge(version.gate, version.pk, baseline)
    found.report["gate"] = {"question_set": version.gate, "passed": verdict.passed, "summary": verdict.summary}
    found.report["gate"]["report"] = verdict.report
    if not verdict.passed:
        found.problem = f"It did not pass the question set {version.gate}: {verdict.summary}"
    return found
