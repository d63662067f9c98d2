"""Who reads a collection beside its own readers. The application says so at start-up; without it, nobody does."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Protocol
from uuid import UUID


class FurtherReaders(Protocol):
    def collections_of(self, user: Any) -> Any:
        """The keys of those that this person reads, as a subquery or a list."""

    def of_each(self, people: Collection[Any]) -> Iterable[tuple[Any, UUID]]:
        """-> (person, collection), by their keys."""


class Nobody:
    def collections_of(self, user: Any) -> tuple[UUID, ...]:
        return ()

    def of_each(self, people: Collection[Any]) -> tuple[tuple[Any, UUID], ...]:
        return ()


_readers: FurtherReaders = Nobody()


def connect(readers: FurtherReaders) -> None:
    global _readers
    _readers = readers


def further_readers() -> FurtherReaders:
    return _readers
