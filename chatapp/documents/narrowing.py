"""Collections that a program names to narrow a search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from chatapp.access import get_collection_by_name
from chatapp.accounts.models import User
from chatapp.errors import Invalid
from retrieval.models import Collection
from retrieval.stored_text import storable

COLLECTIONS = 100
NAME_CHARACTERS = 120


def names_of(given: Any) -> list[str] | None:
    """None: all. Raises Invalid."""
    if given is None:
        return None
    fitting = isinstance(given, list) and 0 < len(given) <= COLLECTIONS
    if not fitting or not all(isinstance(one, str) and 0 < len(one) <= NAME_CHARACTERS for one in given):
        raise Invalid(
            f"`collections` must be a list of 1 to {COLLECTIONS} names or ids of collections.",
            advice="Leave it out to search all that you may read.",
        )
    return [storable(one) for one in given]


def collections_named(person: User, names: Sequence[str]) -> frozenset[UUID]:
    """By name or id, among those that the person may read. Raises NotFound."""
    readable = Collection.objects.readable_by(person)
    ids = {name: UUID(name) for name in names if _is_id(name)}
    found = set(readable.filter(pk__in=ids.values()).values_list("pk", flat=True))
    found |= {get_collection_by_name(person, name).pk for name in names if ids.get(name) not in found}
    return frozenset(found)


def _is_id(name: str) -> bool:
    try:
        UUID(name)
    except ValueError:
        return False
    return True
