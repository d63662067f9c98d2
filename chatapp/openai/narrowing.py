"""`footnote` in the body of a question: what a program narrows its search to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chatapp.accounts.models import User
from chatapp.database import in_database
from chatapp.documents.filters import EVERYTHING, filters_of
from chatapp.documents.narrowing import collections_named, names_of
from chatapp.errors import Invalid, NotFound
from chatapp.openai.bodies import NotUnderstood
from retrieval.contracts import SearchFilters

FIELD = "footnote"
_FIELDS = frozenset({"collections", "filters"})


@dataclass(frozen=True, slots=True)
class Narrowed:
    collections: frozenset[UUID] | None = None  # None: all that the person may read
    filters: SearchFilters = EVERYTHING


async def narrowed_in(body: dict[str, Any], person: User) -> Narrowed:
    """Raises NotUnderstood, which names the field."""
    given = body.get(FIELD)
    if given is None:
        return Narrowed(person.only_collections)
    if not isinstance(given, dict) or not given.keys() <= _FIELDS:
        raise NotUnderstood(FIELD, f"`{FIELD}` must be an object with any of `collections` and `filters`.")
    filters = _filters(given.get("filters"))
    names = _names(given.get("collections"))
    return Narrowed(person.only_collections if names is None else await in_database(_named)(person, names), filters)


def _filters(given: Any) -> SearchFilters:
    try:
        return EVERYTHING if given is None else filters_of(given)
    except Invalid as error:
        raise NotUnderstood(f"{FIELD}.filters", error.user_message, advice=error.advice) from error


def _names(given: Any) -> list[str] | None:
    try:
        return names_of(given)
    except Invalid as error:
        said = error.user_message.replace("`collections`", f"`{FIELD}.collections`")
        raise NotUnderstood(f"{FIELD}.collections", said, advice=error.advice) from error


def _named(person: User, names: list[str]) -> frozenset[UUID]:
    try:
        return collections_named(person, names)
    except NotFound as error:
        raise NotUnderstood(f"{FIELD}.collections", error.user_message, advice=error.advice) from error
