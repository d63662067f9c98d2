"""Dates that documents and sources give of themselves."""

from __future__ import annotations

from datetime import UTC, datetime

_FIRST, _LAST = 1900, 2200


def storable_moment(moment: datetime | None) -> datetime | None:
    """In UTC, or None for what no document can be from: a year beyond 9999 can be stored and never be read again."""
    if moment is None:
        return None
    try:
        found = moment.astimezone(UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return found if _FIRST <= found.year <= _LAST else None
