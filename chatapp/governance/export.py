"""The audit trail as lines of JSON, a batch at a time."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import cast
from uuid import UUID

from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone

from chatapp.accounts.models import User
from chatapp.database import in_database
from chatapp.governance import chain
from chatapp.governance.models import AuditEntry
from chatapp.governance.ocsf import event
from chatapp.governance.services import record

_BATCH = 500


def export(since: datetime | None = None, *, personal: bool = True) -> Iterator[str]:
    """In the order of the chain."""
    chain.chain_all(patient=True)
    after = 0
    while batch := _batch(after, since):
        for entry in batch:
            yield _line(entry, personal)
        after = batch[-1].sequence or 0


def download(request: HttpRequest) -> StreamingHttpResponse:
    record("audit.exported", "audit trail", cast(User, request.user))
    name = f"audit-{timezone.now():%Y-%m-%d}.jsonl"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    person = cast(User, request.user)
    pieces = _pieces(None if person.is_superuser else person.tenant)
    return StreamingHttpResponse(pieces, content_type="application/x-ndjson", headers=headers)


async def _pieces(organisation: UUID | None) -> AsyncIterator[bytes]:
    """Of one organisation; None: of all."""
    await in_database(chain.chain_all)(patient=True)
    after: int | None = 0
    while after is not None:
        text, after = await in_database(_piece)(after, organisation)
        yield text.encode()


def _piece(after: int, organisation: UUID | None) -> tuple[str, int | None]:
    """-> a batch, and where the next one begins."""
    batch = _batch(after, None, organisation)
    return "".join(f"{_line(entry, personal=True)}\n" for entry in batch), batch[-1].sequence if batch else None


def _batch(after: int, since: datetime | None, organisation: UUID | None = None) -> list[AuditEntry]:
    rows = AuditEntry.objects.filter(sequence__gt=after)
    if organisation is not None:
        rows = rows.filter(organisation=organisation)
    if since is not None:
        rows = rows.filter(at__gte=since)
    return rows.order_by("sequence")[:_BATCH].with_keys()


def _line(entry: AuditEntry, personal: bool) -> str:
    return json.dumps(event(entry, personal=personal), ensure_ascii=False, default=str)
