"""Who looks at the text of a document before any of it is stored. The application says so at start-up; without it,
every document is taken in.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol
from uuid import UUID


class Inspector(Protocol):
    def inspect(self, document: UUID, collection: UUID, texts: Iterable[str]) -> Sequence[str]:
        """-> warnings, which are shown with the document. Raises a RetrievalError that is not retryable where it may
        not be taken in; anything else that is raised is tried again."""


class TakesAll:
    def inspect(self, document: UUID, collection: UUID, texts: Iterable[str]) -> Sequence[str]:
        return ()


_inspector: Inspector = TakesAll()


def connect(inspector: Inspector) -> None:
    global _inspector
    _inspector = inspector


def inspector() -> Inspector:
    return _inspector
