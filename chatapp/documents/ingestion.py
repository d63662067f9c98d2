"""How ingestion goes, for people: what waits, how fast it goes, when it will be done, and what to do where it stands
still; and what administrators do with many documents at once.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from chatapp.accounts.models import User
from chatapp.governance.services import record
from chatapp.operations.heartbeat import worker_is_alive
from retrieval.errors import IndexUnavailable
from retrieval.models import Collection
from retrieval.pipeline import dead_letters
from retrieval.pipeline.dead_letters import Reason
from retrieval.service.client import IndexClient
from retrieval.throughput.backlog import Backlog, backlogs

log = structlog.get_logger(__name__)

_NO_WORKER = "No worker is running. Start Footnote with `manage.py up`, or a worker."
_NO_INDEX = "The index service cannot be reached, so nothing can be embedded. It goes on by itself when it is back."
_BUSY = "A worker is running and takes nothing. See its log (var/log/worker.log)."
_PAUSED = "All of it waits for another try after an error; the next one comes within a minute."
_OTHERS = "Other collections have their turn; this one is served between them."


def overview() -> dict[str, Any]:
    """Of all, of each collection that has something owed or failed, and the reasons of what failed."""
    now = timezone.now()
    whole, each = backlogs()
    reason = _reason(whole)
    names = dict(Collection.objects.filter(pk__in=[one.collection for one in each]).values_list("pk", "name"))
    collections = [
        {"id": str(one.collection), "name": names[one.collection]}
        | backlog_json(one, _own_reason(one, whole, reason), now)
        for one in sorted(each, key=lambda one: (-one.owed, -one.failed))
        if one.collection in names
    ]
    failures = [reason_json(one) for one in dead_letters.reasons()]
    return {"all": backlog_json(whole, reason, now), "collections": collections, "failures": failures}


def of_collection(collection: UUID) -> dict[str, Any]:
    """The same for one of them, with the reasons of its own failures."""
    whole, each = backlogs()
    found = next((one for one in each if one.collection == collection), Backlog(collection))
    failures = [reason_json(one) for one in dead_letters.reasons(collection)] if found.failed else []
    return {**backlog_json(found, _own_reason(found, whole, _reason(whole)), timezone.now()), "failures": failures}


def backlog_json(backlog: Backlog, reason: str, now: datetime) -> dict[str, Any]:
    """`now`: when the backlog was counted. One for all of an answer: equal backlogs end in the same second."""
    ends = backlog.ends_in_s
    ends_at = now + timedelta(seconds=ends) if ends is not None and ends < 10 * 365 * 86_400 else None
    return {
        "state": backlog.state,
        "reason": reason,
        "waiting": {"parsing": backlog.to_parse, "embedding": backlog.to_embed},
        "in_work": {"parsing": backlog.parsing, "embedding": backlog.embedding},
        "paused": backlog.paused,
        "failed": backlog.failed,
        "oldest_waiting_s": round(backlog.oldest_s),
        "passages_left": round(backlog.passages_left),
        "passages_per_s": round(backlog.passages_per_s, 1),
        "documents_per_min": round(backlog.documents_per_min, 1),
        "ends_at": ends_at.isoformat(timespec="seconds") if ends_at else None,
    }


def reason_json(reason: Reason) -> dict[str, Any]:
    return {
        "code": reason.code,
        "documents": reason.documents,
        "sentence": reason.sentence,
        "sentences": [{"sentence": sentence, "documents": number} for sentence, number in reason.sentences],
        "retryable": reason.retryable,
        "newest": reason.newest.isoformat(timespec="seconds") if reason.newest else None,
    }


def failures(collection: Collection | None = None) -> list[Reason]:
    """The most frequent first."""
    return dead_letters.reasons(collection.pk if collection else None)


def retry_all(*, by: User, collection: Collection | None = None, code: str | None = None) -> int:
    number = dead_letters.retry_failed(collection.pk if collection else None, code)
    _recorded("documents.retried", number, by, collection, code=code or "")
    return number


def cancel_all(*, by: User, collection: Collection | None = None) -> int:
    number = dead_letters.cancel_waiting(collection.pk if collection else None)
    _recorded("documents.cancelled", number, by, collection)
    return number


def _recorded(action: str, number: int, by: User, collection: Collection | None, **detail: Any) -> None:
    if number:
        with transaction.atomic():
            home = collection.tenant if collection else None
            name = collection.name if collection else "all collections"
            record(action, name, by, organisation=home, documents=number, **detail)
    log.info(action, documents=number, by=str(by.pk), collection=str(collection.pk) if collection else "")


def _reason(whole: Backlog) -> str:
    """Why nothing moves; '' while something does."""
    if whole.state not in ("stuck", "paused"):
        return ""
    if not worker_is_alive():
        return _NO_WORKER
    client = IndexClient(settings.RETRIEVAL)
    try:
        client.status()
    except IndexUnavailable:
        return _NO_INDEX
    finally:
        client.close()
    return _PAUSED if whole.state == "paused" else _BUSY


def _own_reason(one: Backlog, whole: Backlog, of_all: str) -> str:
    if one.state == "waiting":
        others = whole.waiting + whole.in_work > one.waiting + one.in_work
        return _OTHERS if others else ""  # alone, it is taken at the next sweep
    return (of_all or _PAUSED) if one.state in ("stuck", "paused") else ""
