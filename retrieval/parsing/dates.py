"""When a document was last changed, as its metadata say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

_MADE_UP = timedelta(minutes=2)  # the libraries say "now" where a document says nothing


def from_properties(properties: Any) -> datetime | None:
    """Of an Office document; it counts in UTC where it does not say."""
    for moment in (properties.modified, properties.created):
        if isinstance(moment, datetime):
            aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
            if aware < datetime.now(UTC) - _MADE_UP:
                return aware
    return None
