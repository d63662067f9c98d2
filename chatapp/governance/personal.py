"""What is personal in a line of the audit trail, sealed under the key of the person."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from chatapp.privacy import sealing
from chatapp.privacy.ciphers import NotOurs
from chatapp.privacy.errors import KeyIsMissing

log = structlog.get_logger(__name__)

ERASED, UNREADABLE = "erased", "cannot be read"
Sealed = dict[str, dict[str, str]]
_DETAIL = "detail."


@dataclass(frozen=True, slots=True)
class Personal:
    """A value of a line that is sealed. `of`: whom it is about; None: who acts."""

    value: Any
    of: UUID | None = None


def sealed(field: str, of: UUID, value: Any) -> Sealed:
    return {field: {"of": str(of), "value": sealing.seal(of, json.dumps(value, default=str), _about(field))}}


def in_detail(name: str) -> str:
    return f"{_DETAIL}{name}"


def opened(kept: Sealed | None, field: str) -> Any:
    """None: nothing is sealed there."""
    found = (kept or {}).get(field)
    if found is None:
        return None
    try:
        value = sealing.unseal(UUID(found["of"]), found["value"], _about(field))
    except (KeyIsMissing, NotOurs) as error:
        log.warning("audit.unreadable", field=field, reason=type(error).__name__)
        return UNREADABLE
    return ERASED if value is None else json.loads(value)


def opened_detail(kept: Sealed | None) -> dict[str, Any]:
    return {name.removeprefix(_DETAIL): opened(kept, name) for name in kept or {} if name.startswith(_DETAIL)}


def prepare(many: Iterable[Sealed | None]) -> None:
    """Their keys, in one query."""
    people = {UUID(one["of"]) for kept in many for one in (kept or {}).values()}
    if not people:
        return
    try:
        sealing.prepare(people)
    except KeyIsMissing:
        return  # each is told of by itself


def _about(field: str) -> str:
    return f"audit.{field}"
