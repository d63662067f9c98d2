"""Who works on a job: a lease in its row. A claim is one UPDATE, each sign of life extends it, and what came of the job
is written under a lock that checks the token again. One job at a time: each wants all cores and much memory.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from inference.jobs.errors import LeaseLost
from inference.models import Job

LEASE_S = 30.0
MOST_ATTEMPTS = 3

_LOCK = 7_103_441  # of our own, for claims
_CLAIM = """
UPDATE inference_job
   SET state = 'running', lease_token = %(token)s, attempts = attempts + 1,
       lease_until = now() + make_interval(secs => %(seconds)s)
 WHERE id = %(id)s AND NOT cancel_requested AND attempts < %(most)s
   AND (state = 'queued' OR (state = 'running' AND (lease_until IS NULL OR lease_until < now())))
   AND NOT EXISTS (SELECT 1 FROM inference_job AS other WHERE other.state = 'running' AND other.lease_until >= now())
RETURNING attempts
"""
_BEAT = """
UPDATE inference_job
   SET lease_until = now() + make_interval(secs => %s), progress = %s, step = %s
 WHERE id = %s AND lease_token = %s
RETURNING cancel_requested
"""
_RELEASE = """
UPDATE inference_job
   SET state = 'queued', lease_token = NULL, lease_until = NULL, step = '', attempts = greatest(attempts - %s, 0)
 WHERE id = %s AND lease_token = %s
"""


@dataclass(frozen=True, slots=True)
class Lease:
    job_id: UUID
    token: UUID


def claim(job_id: UUID) -> Lease | None:
    """None when it is not owed, not free, was tried too often, or another job is being done."""
    token = uuid.uuid4()
    values: dict[str, Any] = {"id": job_id, "token": token, "most": MOST_ATTEMPTS, "seconds": LEASE_S}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])  # two claims at once would both see no other job
        cursor.execute(_CLAIM, values)
        return Lease(job_id, token) if cursor.fetchone() else None


def beat(lease: Lease, progress: float, step: str) -> bool:
    """-> whether somebody wants it cancelled. Raises LeaseLost."""
    with connection.cursor() as cursor:
        cursor.execute(_BEAT, [LEASE_S, progress, step[:200], lease.job_id, lease.token])
        row = cursor.fetchone()
    if row is None:
        raise LeaseLost
    return bool(row[0])


def release(lease: Lease, *, burn_attempt: bool) -> None:
    """Give the job back unfinished."""
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, [0 if burn_attempt else 1, lease.job_id, lease.token])


def lock_for_result(lease: Lease) -> Job:
    """The row, locked until the transaction ends. Call inside transaction.atomic(). Raises LeaseLost."""
    held = Job.objects.select_for_update().filter(pk=lease.job_id, lease_token=lease.token).first()
    if held is None:
        raise LeaseLost
    return held


def owed() -> QuerySet[Job]:
    """Jobs that nobody works on, the oldest first."""
    free = Q(state=Job.State.QUEUED) | Q(state=Job.State.RUNNING) & (Q(lease_until=None) | Q(lease_until__lt=Now()))
    return Job.objects.filter(free).order_by("created_at")


def is_busy() -> bool:
    return Job.objects.filter(state=Job.State.RUNNING, lease_until__gte=Now()).exists()
