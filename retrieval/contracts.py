"""The values and Protocols that the parts of retrieval/ share. No Django here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol
from uuid import UUID

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]
INDEX_CHANNEL = "footnote_index"  # of Postgres: writers notify it, index services listen
BlockKind = Literal["heading", "paragraph", "list", "table", "code"]


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a document in reading order."""

    kind: BlockKind
    text: str  # for a table: its rows as lines, cells joined by " | "
    page: int | None = None  # 1-based page or slide
    level: int = 0  # of a heading, 1 is the outermost
    rows: tuple[tuple[str, ...], ...] = ()  # of a table, the header first
    locator: str = ""  # what a person would look for: "sheet Prices", "slide 3, notes"


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    title: str
    blocks: tuple[Block, ...]
    pages: int | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage before it is stored."""

    ordinal: int
    text: str
    heading: str = ""  # heading path, outermost first, joined by " > "
    page: int | None = None
    locator: str = ""


class Embedder(Protocol):
    """Turns texts into unit vectors. One instance serves one process and is called from one thread at a time."""

    name: str
    dimension: int

    def embed(self, texts: Sequence[str]) -> Vectors:
        """-> (len(texts), dimension) float32, each row of length 1."""

    def count_tokens(self, text: str) -> int: ...


@dataclass(frozen=True, slots=True)
class Candidate:
    passage_id: int
    score: float


class VectorIndex(Protocol):
    """Inner-product search over int64 ids."""

    def add(self, ids: npt.NDArray[np.int64], vectors: Vectors) -> None: ...
    def remove(self, ids: npt.NDArray[np.int64]) -> None: ...
    def search(self, query: Vectors, k: int, allowed: npt.NDArray[np.int64] | None) -> list[Candidate]:
        """Best first; only ids in `allowed` unless it is None, with full recall however few they are."""

    def __len__(self) -> int: ...


class LexicalIndex(Protocol):
    def add(self, passages: Sequence[IndexedPassage]) -> None: ...
    def remove_documents(self, documents: Sequence[UUID]) -> None: ...
    def search(self, query: str, k: int, collections: frozenset[UUID]) -> list[Candidate]: ...


@dataclass(frozen=True, slots=True)
class IndexedPassage:
    passage_id: int
    document_id: UUID
    collection_id: UUID
    text: str  # what retrieval.indexed_text makes of it


@dataclass(frozen=True, slots=True)
class PassageHit:
    """One search result of the index service: fused score in 0..1 and its parts."""

    passage_id: int
    score: float
    dense: float  # cosine similarity; 0.0 when only the lexical list had it
    lexical: float  # BM25


@dataclass(frozen=True, slots=True)
class SearchRequest:
    question: str
    collections: frozenset[UUID]  # what the asker may read; empty finds nothing
    k: int = 10


@dataclass(frozen=True, slots=True)
class IndexStatus:
    ready: bool
    passages: int = 0
    documents: int = 0
    embedding_model: str = ""
    behind: int = 0  # changes in Postgres that are known and not applied yet
    applied: int = -1  # the last change that searches see
    problems: tuple[str, ...] = field(default_factory=tuple)
