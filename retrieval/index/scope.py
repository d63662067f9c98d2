"""Which passages a search may find: who may read them, narrowed by what was asked for.

Scopes are kept. When documents change, a kept one looks at their rows alone: what one document costs does not grow with
the number of the others.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import numpy as np

from retrieval.contracts import Scope, SearchFilters, SearchRequest
from retrieval.index.documents import DocumentTable, Mask, Rows
from retrieval.index.id_set import IdSet

_ENTRIES, _BYTES = 256, 256_000_000


@dataclass(frozen=True, slots=True)
class _Asked:
    """Requests that are equal here find the same."""

    collections: frozenset[UUID]
    groups: frozenset[int] | None
    filters: SearchFilters


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    generation: int  # of the table, up to which its changes are in here
    allowed: Mask  # by row
    scope: Scope | None  # None: everything

    @property
    def bytes(self) -> int:
        return len(self.allowed) + (10 * len(self.scope.passages) if self.scope else 0)  # with a bitmap or the like


class _Lately:
    """The last ones, within bounds."""

    def __init__(self, entries: int, most_bytes: int) -> None:
        self._entries, self._most_bytes = entries, most_bytes
        self._kept: OrderedDict[_Asked, _Kept] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, asked: _Asked) -> _Kept | None:
        if asked in self._kept:
            self._kept.move_to_end(asked)
        return self._kept.get(asked)

    def keep(self, asked: _Asked, kept: _Kept) -> None:
        before = self._kept.pop(asked, None)
        self._bytes += kept.bytes - (before.bytes if before else 0)
        self._kept[asked] = kept
        while len(self._kept) > self._entries or (self._bytes > self._most_bytes and len(self._kept) > 1):
            self._bytes -= self._kept.popitem(last=False)[1].bytes


class Scopes:
    """Those asked for lately. Not thread-safe: its index calls it under its lock."""

    def __init__(self, table: DocumentTable, *, entries: int = _ENTRIES, most_bytes: int = _BYTES) -> None:
        self._table, narrowed = table, entries // 4
        self._of_people = _Lately(entries - narrowed, most_bytes)
        # What is asked for in ever other words must not push out what everybody's questions need.
        self._narrowed = _Lately(narrowed, most_bytes // 4)

    def __len__(self) -> int:
        return len(self._of_people) + len(self._narrowed)

    def scope(self, request: SearchRequest) -> Scope | None:
        """None: everything there is."""
        asked = self._asked(request)
        lately = self._of_people if asked.filters == SearchFilters() else self._narrowed
        kept = lately.get(asked)
        if kept is None or kept.generation != self._table.generation:
            changed = None if kept is None else self._table.changed_since(kept.generation)
            kept = self._anew(asked) if kept is None or changed is None else self._mended(kept, asked, changed)
            lately.keep(asked, kept)
        return kept.scope

    def _asked(self, request: SearchRequest) -> _Asked:
        """Without what makes no difference, so that many people share a scope."""
        groups = None if request.groups is None else request.groups & self._table.groups
        return _Asked(request.collections & self._table.collections, groups, request.filters)

    def _anew(self, asked: _Asked) -> _Kept:
        allowed = self._table.readable(asked.collections, asked.groups, asked.filters)
        return self._of(allowed, None)

    def _mended(self, kept: _Kept, asked: _Asked, changed: Rows) -> _Kept:
        new = self._table.rows - len(kept.allowed)
        allowed = np.append(kept.allowed, np.zeros(new, dtype=np.bool_))
        before = allowed[changed]
        allowed[changed] = now = self._table.readable(asked.collections, asked.groups, asked.filters, changed)
        if kept.scope is None:
            return self._of(allowed, None)
        gone, come = self._table.ids_of_rows(changed[before & ~now]), self._table.ids_of_rows(changed[now & ~before])
        return self._of(
            allowed, kept.scope.passages.changed(gone, come) if len(gone) or len(come) else kept.scope.passages
        )

    def _of(self, allowed: Mask, passages: IdSet | None) -> _Kept:
        generation = self._table.generation
        if np.count_nonzero(allowed) == len(self._table):
            return _Kept(generation, allowed, None)
        if passages is None:
            passages = IdSet.ascending(np.sort(self._table.ids_where(allowed)))
        return _Kept(generation, allowed, Scope(passages, partial(self._table.places, allowed)))
