"""Putting a version in service: when every index service holds it, one transaction changes which one serves."""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from retrieval.models import IndexChange
from retrieval.versions import checks, leases
from retrieval.versions.current import notify
from retrieval.versions.errors import LacksDocuments, NotHeldByServices
from retrieval.versions.held import live_services
from retrieval.versions.leases import BuildLease
from retrieval.versions.members import owed
from retrieval.versions.models import IndexServiceState, IndexVersion

log = structlog.get_logger(__name__)

WAITS = timedelta(minutes=10)  # at most for a service that loads nothing more of a version
SETTLED = timedelta(seconds=2)  # changes younger than this need not be applied yet

_COUNTS = """
UPDATE retrieval_document d SET passage_count = m.passages
  FROM versions_indexeddocument m
 WHERE m.document_id = d.id AND m.version_id = %s AND m.error = '' AND d.passage_count <> m.passages
   AND d.id IN (SELECT o.document_id FROM versions_indexeddocument o JOIN retrieval_document e ON e.id = o.document_id
                 WHERE o.version_id = %s AND o.error = '' AND e.passage_count <> o.passages LIMIT 500)
"""


def waited_for(version: IndexVersion) -> list[IndexServiceState]:
    """Services that do not hold the version yet, or are behind with it."""
    settled = IndexChange.objects.filter(created_at__lt=timezone.now() - SETTLED)
    newest = settled.aggregate(newest=Max("seq"))["newest"] or 0
    return [one for one in live_services() if one.holds.get(str(version.pk), -1) < newest]


def try_to_promote(lease: BuildLease) -> bool:
    """-> whether it serves now; otherwise something is owed first. Raises NotHeldByServices, LacksDocuments."""
    version = leases.held(lease)
    if behind := waited_for(version):
        _bounded_wait(version, behind)
        return False
    with transaction.atomic():
        old = IndexVersion.objects.select_for_update().filter(status=IndexVersion.Status.SERVING).first()
        version = leases.held(lease, lock=True)
        # Nobody can finish a document now, so nothing is taken in here: an embedder may let wait for minutes.
        if old is None or (version.catch_up and owed(version, limit=1)):
            return False
        if not version.accept_failures and checks.lacking(version):
            raise LacksDocuments
        _swap(old, version)
    log.info("version.serves", version=version.pk, model=version.embedding_model, before=old.pk)
    return True


def _bounded_wait(version: IndexVersion, behind: list[IndexServiceState]) -> None:
    if version.waits_since is None:
        version.waits_since = timezone.now()
        version.save(update_fields=["waits_since"])
    problem = next((one.problem for one in behind if one.problem), "")
    moved = [one.loads_since for one in behind if str(version.pk) in one.loading and one.loads_since]
    if timezone.now() - max([version.waits_since, *moved]) > WAITS:
        raise NotHeldByServices(f"Not every index service has loaded version {version.pk}. {problem}".strip())


def _swap(old: IndexVersion, new: IndexVersion) -> None:
    now = timezone.now()
    IndexVersion.objects.filter(pk=old.pk).update(
        status=IndexVersion.Status.RETIRED, ended_at=now, lease_token=None, lease_until=None
    )
    IndexVersion.objects.filter(pk=new.pk).update(
        status=IndexVersion.Status.SERVING,
        served_at=now,
        ended_at=None,
        waits_since=None,
        promote=False,
        accept_failures=False,
        catch_up=True,
        error="",
        error_code="",
    )
    notify()


def correct_counts(version: IndexVersion) -> None:
    """What pages say of how many passages a document has, a few hundred at a time."""
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_COUNTS, [version.pk, version.pk])
            if not cursor.rowcount:
                return
