"""The documents of a collection, a page at a time, by name and status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from chatapp.errors import Invalid
from retrieval.models import Document
from retrieval.stored_text import storable

A_PAGE = 100
MOST_A_PAGE = 2000
MOST_PAGES = 100_000
_BUSY = (Document.Status.RECEIVED, Document.Status.PARSING, Document.Status.EMBEDDING)


@dataclass(frozen=True, slots=True)
class Page:
    documents: list[Document]
    total: int
    number: int
    pages: int


def documents_page(documents: QuerySet[Document], wishes: Mapping[str, str]) -> Page:
    """`name`: a part of the name or path; `status`: one, or `busy`; `page` from 1 on; `size` of a page."""
    if name := storable(wishes.get("name", "")).strip()[:255]:
        documents = documents.filter(Q(name__icontains=name) | Q(path__icontains=name))
    if status := wishes.get("status", ""):
        documents = documents.filter(status__in=_statuses(status))
    size = A_PAGE if "page" in wishes else MOST_A_PAGE  # who names no page reads all that a page may hold
    return page_of(documents, page_number(wishes), _number(wishes, "size", size, MOST_A_PAGE))


def page_of(documents: QuerySet[Document], number: int, size: int = A_PAGE) -> Page:
    """First the keys alone, so that what is left out is not read."""
    total = documents.count()
    pages = max(1, -(-total // size))
    number = min(number, pages)
    keys = list(documents.values_list("pk", flat=True)[(number - 1) * size : number * size])
    found = Document.objects.filter(pk__in=keys).prefetch_related("readers").in_bulk()
    return Page([found[key] for key in keys if key in found], total, number, pages)


def page_number(wishes: Mapping[str, str]) -> int:
    return _number(wishes, "page", 1, MOST_PAGES)


def _statuses(status: str) -> tuple[str, ...]:
    if status == "busy":
        return tuple(one.value for one in _BUSY)
    if status not in Document.Status.values:
        raise Invalid("There is no such status.", advice=f"Use busy, {', '.join(Document.Status.values)}.")
    return (status,)


def _number(wishes: Mapping[str, str], name: str, otherwise: int, most: int) -> int:
    text = wishes.get(name, "") or str(otherwise)
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and 1 <= int(text) <= most):
        raise Invalid(f"{name} must be a number from 1 to {most}.")
    return int(text)
