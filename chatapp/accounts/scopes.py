"""What a key opens: the one place that decides, for every door that takes keys.

A key without a list of actions, collections or models may do there what its person may do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import TextChoices


class Action(TextChoices):
    ASK = "ask", "Ask questions (/v1/chat/completions)"
    EMBED = "embed", "Compute vectors (/v1/embeddings)"
    SEARCH = "search", "Search passages"
    READ = "read", "Read collections, documents and passages"
    UPLOAD = "upload", "Upload documents"
    MANAGE = "manage", "Change and delete collections and documents"
    SOURCES = "sources", "Look after sources and the work on documents"


@dataclass(frozen=True, slots=True)
class Grant:
    """Of the key that a request bears. None: all that its person may."""

    key: UUID
    actions: frozenset[str] | None = None
    collections: frozenset[UUID] | None = None
    models: frozenset[str] | None = None
    signed: bool = False  # each request must bear a signature
    visitor: UUID | None = None  # of a chat widget: whose conversations alone are theirs, among those of its account

    def opens(self, action: Action | None) -> bool:
        return self.actions is None or (action is not None and action in self.actions)

    def asks(self, *names: str) -> bool:
        """Whether any of these names of one model is among those that may be asked."""
        return self.models is None or not self.models.isdisjoint(names)


_Methods = Mapping[str, Action]
_READ: _Methods = {"GET": Action.READ, "HEAD": Action.READ}
_CHANGED: _Methods = {**_READ, "PATCH": Action.MANAGE, "DELETE": Action.MANAGE}
_SOURCES: _Methods = dict.fromkeys(("GET", "HEAD", "POST", "PATCH", "DELETE"), Action.SOURCES)
# By the names of their addresses; a door that is not listed opens to keys without a list of actions alone.
DOORS: Mapping[str, _Methods] = {
    "documents": _READ,
    "document_passages": _READ,
    "collections": {**_READ, "POST": Action.MANAGE},
    "collection": _CHANGED,
    "collection_documents": {**_READ, "POST": Action.UPLOAD},
    "document": _CHANGED,
    "document_retry": {"POST": Action.UPLOAD},
    "document_again": {"POST": Action.MANAGE},
    "document_file": _READ,
    "passage": _READ,
    "search": {"POST": Action.SEARCH},
    "search_bench_page": _READ,
    "search_bench": {"POST": Action.MANAGE},  # it may search as somebody else
    "document_page": _READ,
    "document_readers": dict.fromkeys(("GET", "HEAD"), Action.MANAGE),  # names of people
    **dict.fromkeys(("ingestion", "ingestion_failures", "ingestion_retry", "ingestion_cancel"), _SOURCES),
    **dict.fromkeys(("sources", "source", "source_run", "source_stop", "source_accept"), _SOURCES),
}
# They tell of, or change, more than single collections: not for keys that are meant for some of them.
_OF_ALL_COLLECTIONS = frozenset(
    [
        ("collections", "POST"),
        *(
            (name, method)
            for name in ("ingestion", "ingestion_failures", "ingestion_retry", "ingestion_cancel")
            for method in _SOURCES
        ),
    ]
)


def opens(grant: Grant | None, door: str | None, method: str | None) -> bool:
    """Whether the key's request may go on to this door; None: it bears no key."""
    if grant is None:
        return True
    name, verb = door or "", method or ""
    if grant.collections is not None and (name, verb) in _OF_ALL_COLLECTIONS:
        return False
    return grant.opens(DOORS.get(name, {}).get(verb))


def grant_of(person: Any) -> Grant | None:
    return getattr(person, "grant", None)
