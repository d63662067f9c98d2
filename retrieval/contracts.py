"""The values and Protocols that the parts of retrieval/ share. No Django here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias
from uuid import UUID

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from retrieval.index.id_set import IdSet
    from retrieval.ranking.evidence import WordsFound

Vectors: TypeAlias = "npt.NDArray[np.float32]"  # every process loads this module, and few of them numpy
INDEX_CHANNEL = "footnote_index"  # of Postgres: writers notify it, index services listen
VERSIONS_CHANNEL = "footnote_versions"  # the same, when a version is to be loaded, served or dropped
BlockKind = Literal["heading", "paragraph", "list", "table", "code"]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of a page as it is shown: fractions of its width and height, from the upper left corner."""

    page: int  # 1-based
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a document in reading order."""

    kind: BlockKind
    text: str  # for a table: its rows as lines, cells joined by " | "
    page: int | None = None  # 1-based page or slide
    level: int = 0  # of a heading, 1 is the outermost
    rows: tuple[tuple[str, ...], ...] = ()  # of a table, the header first
    locator: str = ""  # what a person would look for: "sheet Prices, A2:F40", "slide 3, notes"
    boxes: tuple[Box, ...] = ()  # where its lines stand, one after the other; of a table one a row


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    title: str
    blocks: tuple[Block, ...]
    pages: int | None = None
    warnings: tuple[str, ...] = ()
    dated_at: datetime | None = None  # when it was last changed, as it says itself


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage before it is stored."""

    ordinal: int
    text: str
    heading: str = ""  # heading path, outermost first, joined by " > "
    page: int | None = None
    locator: str = ""
    boxes: tuple[Box, ...] = ()


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

    def filled(self) -> None:
        """Said once everything was added that there was at the start: until then, what is missing is on its way."""

    def add(self, ids: npt.NDArray[np.int64], vectors: Vectors) -> None: ...
    def remove(self, ids: npt.NDArray[np.int64]) -> None: ...
    def search(self, query: Vectors, k: int, allowed: IdSet | None) -> list[Candidate]:
        """Best first; only ids in `allowed` unless it is None, with full recall however few they are."""

    def __len__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Places:
    """What may be found, in terms of documents: all of `collections` but `without`, and `documents` of others."""

    collections: tuple[UUID, ...] = ()
    documents: tuple[UUID, ...] = ()
    without: tuple[UUID, ...] = ()


class Scope:
    """What one search may find."""

    def __init__(self, passages: IdSet, places: Callable[[], Places]) -> None:
        self.passages, self._places = passages, places

    @cached_property
    def places(self) -> Places:
        """Made when it is asked for, and once: it may be long."""
        return self._places()


class LexicalIndex(Protocol):
    def add(self, passages: Sequence[IndexedPassage]) -> None: ...
    def prepared(self, passages: Sequence[IndexedPassage]) -> Callable[[], None]:
        """What takes long is done beside the searches; calling what it returns adds them."""

    def remove_documents(self, documents: Sequence[UUID]) -> None: ...
    def search(self, query: str, k: int, scope: Scope | None) -> list[Candidate]:
        """Best first; only what lies in `scope` unless it is None, with full recall however little that is."""

    def look_up(self, query: str, passages: Sequence[int], scope: Scope | None = None) -> WordsFound:
        """What speaks for each of these passages, and nothing of passages outside the scope."""


@dataclass(frozen=True, slots=True)
class IndexedPassage:
    passage_id: int
    document_id: UUID
    collection_id: UUID
    text: str  # what retrieval.indexed_text makes of it
    headings: str = ""  # the part of it that stands above the passage's own text


@dataclass(frozen=True, slots=True)
class PassageHit:
    """One search result of the index service: fused score in 0..1 and its parts."""

    passage_id: int
    score: float
    dense: float  # cosine similarity; 0.0 when only the lexical list had it
    lexical: float  # BM25
    version: int = 0  # of the index that answered; 0: before the first one
    confidence: float | None = None  # that the documents answer the question at all, 0..1; None: not known


@dataclass(frozen=True, slots=True)
class TracedHit:
    """A search result with its places on the way, counted from 1."""

    hit: PassageHit
    by_meaning: int | None  # among the similarities; None: not among those that the index gave
    by_words: int | None  # the same by BM25
    ranked: int  # before a second look


@dataclass(frozen=True, slots=True)
class SearchTrace:
    """One search, and how it came about."""

    version: int  # that answered; 0: before the first one
    model: str
    hits: tuple[TracedHit, ...]
    found: int  # passages that were ranked
    milliseconds: dict[str, float]  # by step: embedding, finding, ranking, second_look


@dataclass(frozen=True, slots=True)
class SearchFilters:
    """What the asker narrows the search to; nothing here widens what they may read."""

    media_types: frozenset[str] = frozenset()  # empty: all
    since: datetime | None = None  # of the document's own date, or of its arrival where it has none
    until: datetime | None = None  # exclusive
    path_prefix: str = ""


@dataclass(frozen=True, slots=True)
class SearchRequest:
    question: str
    collections: frozenset[UUID]  # what the asker may read; empty finds nothing
    k: int = 10
    groups: frozenset[int] | None = frozenset()  # the asker's, for documents with readers of their own; None: all
    filters: SearchFilters = SearchFilters()


@dataclass(frozen=True, slots=True)
class IndexStatus:
    ready: bool
    passages: int = 0
    documents: int = 0
    embedding_model: str = ""
    behind: int = 0  # changes in Postgres that are known and not applied yet
    applied: int = -1  # the last change that searches see
    problems: tuple[str, ...] = field(default_factory=tuple)
    version: int = 0  # that answers; 0: before the first one
