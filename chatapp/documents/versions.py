"""What administrators do with index versions, each with its line in the audit trail."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from chatapp.accounts.models import User
from chatapp.governance.services import record
from retrieval.evaluation import sets
from retrieval.versions import services
from retrieval.versions.models import IndexVersion


@transaction.atomic
def build(*, by: User | None, **asked: Any) -> IndexVersion:
    """`asked` as retrieval.versions.services.request_version takes it. Raises UnknownEvaluation, too."""
    if asked.get("gate"):
        sets.find(asked["gate"])  # found out now rather than after hours
    version = services.request_version(by=by, **asked)
    _record("built", version, by, model=version.embedding_model, kind=version.kind, gate=version.gate)
    return version


@transaction.atomic
def promote(number: int, *, without_failed: bool = False, now: bool = False, by: User | None) -> IndexVersion:
    version = services.promote_version(number, without_failed=without_failed, now=now)
    _record("promoted", version, by, without_failed=without_failed, now=now)
    return version


@transaction.atomic
def roll_back(*, now: bool = False, without_failed: bool = False, by: User | None) -> IndexVersion:
    version = services.roll_back(now=now, without_failed=without_failed)
    _record("rolled_back", version, by, now=now, without_failed=without_failed)
    return version


@transaction.atomic
def cancel(number: int, *, by: User | None) -> IndexVersion:
    version = services.cancel_version(number)
    _record("cancelled", version, by)
    return version


@transaction.atomic
def retry(number: int, *, by: User | None) -> IndexVersion:
    version = services.retry_version(number)
    _record("retried", version, by)
    return version


def _record(done: str, version: IndexVersion, by: User | None, **detail: Any) -> None:
    record(f"index_version.{done}", str(version), by, **detail)
