"""What an index knows of documents: their passages, and the facts that decide who finds them.

Facts stand in columns, one row a document, so that a rule is a few comparisons of whole columns. Passages stand in the
order of the rows. A row is never given to another document: what goes leaves a hole until the columns are packed.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

import numpy as np
import numpy.typing as npt

from retrieval.contracts import Places, SearchFilters
from retrieval.index.id_set import Ids
from retrieval.index.paths import SortedPaths

T = TypeVar("T", bound=Hashable)
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HOLES = 1000  # fewer are not worth packing
_REMEMBERED = 20_000  # changes: whoever is behind by more looks at all rows


class Facts(NamedTuple):
    """What decides who finds a document."""

    collection: UUID
    readers: frozenset[int] | None  # groups; None: whoever reads the collection
    media_type: str
    path: str
    dated_at: datetime


class DocumentTable:
    """Not thread-safe: an index calls it under its lock."""

    def __init__(self) -> None:
        self._row_of: dict[UUID, int] = {}
        self._documents: list[UUID | None] = []
        self._paths: list[str] = []
        self._collections, self._readers, self._types = _Codes[UUID](), _Codes[frozenset[int] | None](), _Codes[str]()
        self._collection, self._reader, self._type = _Column(np.int32), _Column(np.int32), _Column(np.int32)
        self._dated, self._first, self._count = _Column(np.int64), _Column(np.int64), _Column(np.int64)
        self._ids = _Column(np.int64)
        self.collections: set[UUID] = set()  # of documents that are here, or were
        self.groups: set[int] = set()  # that make a difference to any of them, or did
        self._changed: list[int] = []  # rows, in the order of their changes
        self._forgotten = 0  # changes before those
        self._sorted_paths = SortedPaths(lambda: self._paths, self.changed_since)

    def __len__(self) -> int:
        return len(self._row_of)

    def __iter__(self) -> Iterator[UUID]:
        return iter(self._row_of)

    def __contains__(self, document: object) -> bool:
        return document in self._row_of

    # -- changes ---------------------------------------------------------------------------------------------------
    def put(self, document: UUID, facts: Facts, ids: Ids) -> None:
        """In place of what was known of it."""
        self.remove([document])
        self._row_of[document] = len(self._documents)
        self._documents.append(document)
        self._paths.append(facts.path)
        self._first.append(self._ids.size)
        self._count.append(len(ids))
        self._ids.extend(ids)
        for column, value in zip(self._columns(), self._coded(facts), strict=True):
            column.append(value)
        self._note([self._row_of[document]])

    def describe(self, document: UUID, facts: Facts) -> None:
        """Other facts; its passages are the same."""
        row = self._row_of[document]
        self._paths[row] = facts.path
        for column, value in zip(self._columns(), self._coded(facts), strict=True):
            column()[row] = value
        self._note([row])

    def remove(self, documents: Iterable[UUID]) -> Ids:
        """-> the passages that were theirs"""
        rows = [self._row_of.pop(document) for document in documents if document in self._row_of]
        ids = self.ids_of_rows(np.array(rows, dtype=np.int64))
        for row in rows:
            self._documents[row], self._paths[row] = None, ""
            self._collection()[row] = -1
        self._note(rows)
        if len(self._documents) - len(self) > max(len(self), _HOLES):
            self._pack()
        return ids

    def _columns(self) -> tuple[_Column, ...]:
        return self._collection, self._reader, self._type, self._dated

    def _coded(self, facts: Facts) -> tuple[int, ...]:
        self.collections.add(facts.collection)
        self.groups |= facts.readers or frozenset()
        return (
            self._collections.of(facts.collection),
            self._readers.of(facts.readers),
            self._types.of(facts.media_type),
            _microseconds(facts.dated_at),
        )

    def _note(self, rows: list[int]) -> None:
        self._changed += rows
        if (over := len(self._changed) - _REMEMBERED) > _REMEMBERED:
            self._changed = self._changed[over:]
            self._forgotten += over

    def _pack(self) -> None:
        """Close the holes. Rows get other numbers, so nobody can follow from what was before."""
        alive = self._alive()
        rows = np.flatnonzero(alive)
        passages = np.repeat(alive, self._count())
        for column in (*self._columns(), self._count):
            column.keep(rows)
        self._ids.keep(np.flatnonzero(passages))
        self._first.keep(rows)
        self._first()[:] = np.cumsum(self._count()) - self._count()
        self._documents = [self._documents[row] for row in rows.tolist()]
        self._paths = [self._paths[row] for row in rows.tolist()]
        self._row_of = {document: row for row, document in enumerate(self._documents) if document is not None}
        self._forgotten, self._changed = self.generation + 1, []

    # -- questions -------------------------------------------------------------------------------------------------
    @property
    def rows(self) -> int:
        return len(self._documents)

    @property
    def generation(self) -> int:
        """Another number after each change."""
        return self._forgotten + len(self._changed)

    def changed_since(self, generation: int) -> Rows | None:
        """None: all rows have to be looked at."""
        if generation < self._forgotten:
            return None
        return np.unique(np.array(self._changed[generation - self._forgotten :], dtype=np.int64))

    def collection_of(self, document: UUID) -> UUID:
        return self._collections.values[self._collection()[self._row_of[document]]]

    def ids(self, documents: Iterable[UUID]) -> Ids:
        rows = [self._row_of[document] for document in documents if document in self._row_of]
        return self.ids_of_rows(np.array(rows, dtype=np.int64))

    def ids_of_rows(self, rows: Rows) -> Ids:
        ids, first, count = self._ids(), self._first(), self._count()
        parts = [ids[first[row] : first[row] + count[row]] for row in rows.tolist()]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)

    def ids_where(self, mask: Mask) -> Ids:
        return np.asarray(self._ids()[np.repeat(mask, self._count())])

    def readable(
        self,
        collections: frozenset[UUID],
        groups: frozenset[int] | None,
        filters: SearchFilters,
        rows: Rows | None = None,
    ) -> Mask:
        """For each of the rows (None: of all), whether its document may be found."""
        at: Any = slice(None) if rows is None else rows
        mask: Mask = self._collections.among(collections)[self._collection()[at]]
        if groups is not None:
            mask &= self._open_to(groups, self._reader()[at])
        if filters.media_types:
            mask &= self._types.among(filters.media_types)[self._type()[at]]
        if filters.since is not None:
            mask &= self._dated()[at] >= _microseconds(filters.since)
        if filters.until is not None:
            mask &= self._dated()[at] < _microseconds(filters.until)
        if filters.path_prefix:
            if rows is None:
                mask &= self._sorted_paths.beginning(filters.path_prefix, self.generation)
            else:
                mask &= [self._paths[row].startswith(filters.path_prefix) for row in rows.tolist()]
        return mask

    def _open_to(self, groups: frozenset[int], codes: npt.NDArray[np.int32]) -> Mask:
        mask = np.zeros(len(self._readers.values), dtype=np.bool_)
        for code in np.unique(codes).tolist():
            readers = self._readers.values[code]
            mask[code] = readers is None or bool(readers & groups)
        return np.asarray(mask[codes])

    def places(self, allowed: Mask) -> Places:
        """The allowed documents in few words. `allowed` is of the rows as they are now."""
        codes, alive = self._collection(), self._alive()
        number = len(self._collections.values)
        there = np.bincount(codes[alive], minlength=number)
        may = np.bincount(codes[allowed], minlength=number)
        mostly = np.append((may > 0) & (2 * may > there), False)  # a last one for the code -1 of no document
        collections = [self._collections.values[code] for code in np.flatnonzero(mostly).tolist()]
        documents = self._named(allowed & ~mostly[codes])
        return Places(tuple(collections), documents, self._named(alive & ~allowed & mostly[codes]))

    def _named(self, mask: Mask) -> tuple[UUID, ...]:
        named = (self._documents[row] for row in np.flatnonzero(mask).tolist())
        return tuple(document for document in named if document is not None)

    def _alive(self) -> Mask:
        return np.asarray(self._collection() >= 0)


class _Codes(Generic[T]):
    """A small number for each value."""

    def __init__(self) -> None:
        self.values: list[T] = []
        self._code: dict[T, int] = {}

    def of(self, value: T) -> int:
        if value not in self._code:
            self._code[value] = len(self.values)
            self.values.append(value)
        return self._code[value]

    def among(self, wanted: Iterable[T]) -> Mask:
        """For each code, whether its value is wanted; a last one, for the code -1 of no value, is not."""
        mask = np.zeros(len(self.values) + 1, dtype=np.bool_)
        mask[[self._code[value] for value in wanted if value in self._code]] = True
        return mask


class _Column:
    """Numbers that grow at the end."""

    def __init__(self, dtype: Any) -> None:
        self._held = np.zeros(1024, dtype=dtype)
        self.size = 0

    def __call__(self) -> npt.NDArray[Any]:
        return self._held[: self.size]

    def append(self, value: int) -> None:
        self.extend(np.array([value]))

    def extend(self, values: npt.NDArray[Any]) -> None:
        if self.size + len(values) > len(self._held):
            grown = np.zeros(max(2 * len(self._held), self.size + len(values)), dtype=self._held.dtype)
            grown[: self.size] = self()
            self._held = grown
        self._held[self.size : self.size + len(values)] = values
        self.size += len(values)

    def keep(self, places: Rows) -> None:
        kept = self()[places]
        self._held, self.size = np.append(kept, np.zeros(1024, dtype=kept.dtype)), len(kept)


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
