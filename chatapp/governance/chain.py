"""The chain of the audit trail: each line bears a hash over itself and over the hash of the line before it.

Lines are chained in batches soon after their transactions ended, so that nobody who writes one waits for another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

import structlog
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction

from chatapp.governance.models import AuditEntry
from chatapp.governance.personal import sealed
from chatapp.privacy.ciphers import NotOurs
from chatapp.privacy.errors import KeyIsMissing
from retrieval.tenants import HOUSE

log = structlog.get_logger(__name__)

GENESIS = "0" * 64  # what the first line is chained to
_LOCK = 5_008_011  # of Postgres's advisory locks, which all of the database share
_BATCH = 1000
_MOST = 50  # batches in one go

# One statement for all lines. The trigger lets through what is not chained yet.
_CHAIN = """
UPDATE governance_auditentry AS entry
SET sequence = linked.sequence, previous_hash = linked.previous, hash = linked.hash,
    actor_name = linked.name, sealed = linked.sealed
FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::jsonb[])
    AS linked (id, sequence, previous, hash, name, sealed)
WHERE entry.id = linked.id AND entry.hash IS NULL
"""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the chain. Kept elsewhere, it shows later whether lines were cut off."""

    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"


def head() -> Head:
    newest = AuditEntry.objects.exclude(sequence=None).order_by("-sequence").values_list("sequence", "hash").first()
    return Head(newest[0], newest[1] or "") if newest and newest[0] is not None else Head(0, GENESIS)


def chain_all(*, patient: bool = False) -> int:
    """Chains what was stored since the last time. Two at once do no harm. -> how many lines

    `patient`: waits for somebody else who is at it, instead of leaving it to them.
    """
    chained = 0
    for _ in range(_MOST * (1000 if patient else 1)):
        batch = _chain_a_batch(patient=patient)
        chained += batch
        if batch < _BATCH:
            break
    if chained:
        log.info("audit.chained", lines=chained, head=str(head()))  # the log is one place where the head is kept
    return chained


def hash_of(entry: AuditEntry, sequence: int, previous: str) -> str:
    """Over what is stored: sealed values as they are, so that it still holds when their key is gone."""
    line = {
        "sequence": sequence,
        "previous": previous,
        "id": entry.pk,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": str(entry.actor_id) if entry.actor_id else None,
        "name": entry.plain_name,
        "action": entry.action,
        "subject": entry.subject,
        "detail": entry.detail,
        "sealed": entry.sealed,
    }
    if entry.organisation != HOUSE:  # older lines have none in their hash
        line["organisation"] = str(entry.organisation)
    canonical = json.dumps(line, sort_keys=True, separators=(",", ":"), cls=DjangoJSONEncoder)
    return hashlib.sha256(canonical.encode()).hexdigest()


@transaction.atomic
def _chain_a_batch(*, patient: bool) -> int:
    if not _is_locked(patient):
        return 0
    entries = list(AuditEntry.objects.filter(hash=None).order_by("pk")[:_BATCH])
    if not entries:
        return 0
    at = head()
    rows = []
    for entry in entries:
        _seal_a_plain_name(entry)
        at = Head(at.sequence + 1, hash_of(entry, at.sequence + 1, previous := at.hash))
        kept = None if entry.sealed is None else json.dumps(entry.sealed)
        rows.append((entry.pk, at.sequence, previous, at.hash, entry.plain_name, kept))
    _store(rows)
    return len(entries)


def _is_locked(patient: bool) -> bool:
    """Until the transaction ends."""
    with connection.cursor() as cursor:
        if patient:
            cursor.execute("SET LOCAL lock_timeout = '30s'")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            return True
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])


def _seal_a_plain_name(entry: AuditEntry) -> None:
    """Of lines that were stored before names were sealed."""
    if not entry.actor_id or not entry.plain_name:
        return
    try:
        name = sealed("actor_name", entry.actor_id, entry.plain_name)
    except (KeyIsMissing, NotOurs) as error:  # one key that cannot be read does not stop the trail
        log.error("audit.name_not_sealed", entry=entry.pk, error=str(error)[:200])
        return
    entry.sealed, entry.plain_name = (entry.sealed or {}) | name, ""


def _store(rows: Sequence[tuple[int, int, str, str, str, str | None]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_CHAIN, [list(column) for column in zip(*rows, strict=True)])
