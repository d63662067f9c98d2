"""Writing the audit trail."""

from __future__ import annotations

from math import isfinite
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser

from chatapp.governance.models import AuditEntry
from retrieval.ingestion import storable

_TEXT = 2000  # characters of one value


def record(action: str, subject: str, actor: AbstractBaseUser | None = None, **detail: Any) -> AuditEntry:
    """In the caller's transaction: the change and its line are stored together or not at all."""
    return AuditEntry.objects.create(
        actor_id=actor.pk if actor else None,
        actor_name=storable(actor.get_username())[:150] if actor else "",
        action=action,
        subject=storable(subject)[:300],
        detail={name: _storable(value) for name, value in detail.items()},
    )


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)[:_TEXT]
    if isinstance(value, dict):
        return {storable(str(name)): _storable(inner) for name, inner in value.items()}
    if isinstance(value, float) and not isfinite(value):
        return str(value)  # JSON has no such number
    return [_storable(inner) for inner in value] if isinstance(value, list | tuple | set | frozenset) else value
