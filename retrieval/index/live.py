"""The searchable state of one index service: filled from Postgres, then kept up with its change log.

Nothing here is the truth: a restart builds it again from the passages and vectors in Postgres.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import numpy as np
import structlog

from retrieval.contracts import (
    Candidate,
    IndexedPassage,
    LexicalIndex,
    PassageHit,
    SearchRequest,
    VectorIndex,
    Vectors,
)
from retrieval.index.documents import DocumentTable, Facts
from retrieval.index.id_set import Ids, IdSet
from retrieval.index.rows import Row
from retrieval.index.scope import Scopes
from retrieval.index.shared_lock import SharedLock
from retrieval.indexed_text import headings, indexed_text
from retrieval.ranking.evidence import WordsFound
from retrieval.ranking.ranker import rank

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Rows as the indexes take them: made before the lock is held."""

    ids: Ids
    vectors: Vectors
    add_words: Callable[[], None]
    documents: dict[UUID, tuple[Facts, Ids]]


@dataclass
class LiveIndex:
    """Vectors and words of every ready passage, and who may find them. Thread-safe: searches run side by side."""

    vectors: VectorIndex
    words: LexicalIndex
    model: str
    dimension: int
    dense_weight: float
    candidates: int
    documents: DocumentTable = field(default_factory=DocumentTable)
    lock: SharedLock = field(default_factory=SharedLock)

    def __post_init__(self) -> None:
        self._scopes, self._one_scope = Scopes(self.documents), threading.Lock()

    # -- search ----------------------------------------------------------------------------------------------------
    def search(self, request: SearchRequest, query: Vectors) -> list[PassageHit]:
        words, dense = self.found(request, query)
        return rank(words, dense, model=self.model, dense_weight=self.dense_weight, k=request.k)

    def found(self, request: SearchRequest, query: Vectors) -> tuple[WordsFound, list[Candidate]]:
        """What the words say of each passage that either list has, and how similar it is."""
        depth = max(self.candidates, request.k)
        with self.lock.reading():  # a change between the steps would mix what was and what is readable
            with self._one_scope:
                scope = self._scopes.scope(request)
            if scope is not None and not len(scope.passages):
                return self.words.look_up(request.question, (), scope), []
            dense = self.vectors.search(query, depth, None if scope is None else scope.passages)
            lexical = self.words.search(request.question, depth, scope)
            by_words_alone = IdSet({one.passage_id for one in lexical} - {one.passage_id for one in dense})
            if len(by_words_alone):
                dense += self.vectors.search(query, len(by_words_alone), by_words_alone)
            return self.words.look_up(request.question, [one.passage_id for one in dense], scope), dense

    def filled(self) -> None:
        """Everything is here that there was when it began."""
        self.vectors.filled()

    # -- changes ---------------------------------------------------------------------------------------------------
    def replace(self, documents: list[UUID], rows: list[Row]) -> None:
        """Forget the documents and take in the rows, in one step: no search falls in between."""
        batch = self._prepared(rows)
        with self.lock.changing():
            self.remove(documents)
            self._add(batch)

    def add(self, rows: list[Row]) -> None:
        self._add(self._prepared(rows))

    def _prepared(self, rows: list[Row]) -> _Prepared:
        fitting = [row for row in rows if len(row.vector) == 2 * self.dimension]
        if len(fitting) < len(rows):
            log.error("index.vectors_of_another_dimension", passages=len(rows) - len(fitting), model=self.model)
        stored = np.frombuffer(b"".join(bytes(row.vector) for row in fitting), dtype="<f2")
        return _Prepared(
            np.array([row.passage_id for row in fitting], dtype=np.int64),
            stored.reshape(len(fitting), self.dimension).astype(np.float32),
            self.words.prepared([_indexed(row) for row in fitting]),
            _documents(fitting),
        )

    def _add(self, batch: _Prepared) -> None:
        if not len(batch.ids):
            return
        with self.lock.changing():
            for document, (facts, new) in batch.documents.items():
                self.documents.put(document, facts, np.concatenate([self.documents.ids([document]), new]))
            # Last, so that `remove` knows of everything that a failure here may leave behind.
            self.vectors.add(batch.ids, batch.vectors)
            batch.add_words()

    def describe(self, documents: Mapping[UUID, Facts]) -> list[UUID]:
        """Who may find them now; their passages are the same. -> those that have to be replaced instead"""
        with self.lock.changing():
            here = {document: facts for document, facts in documents.items() if document in self.documents}
            moved = [d for d, facts in here.items() if self.documents.collection_of(d) != facts.collection]
            for document in here.keys() - moved:
                self.documents.describe(document, here[document])
        return moved + [document for document in documents if document not in here]

    def remove(self, documents: list[UUID]) -> None:
        with self.lock.changing():
            held = [document for document in documents if document in self.documents]
            if held:
                self.vectors.remove(self.documents.ids(held))
                self.words.remove_documents(held)
                self.documents.remove(held)


def _documents(rows: list[Row]) -> dict[UUID, tuple[Facts, Ids]]:
    by_document: dict[UUID, list[Row]] = {}
    for row in rows:
        by_document.setdefault(row.document_id, []).append(row)
    return {
        document: (of_one[0].facts, np.array([row.passage_id for row in of_one], dtype=np.int64))
        for document, of_one in by_document.items()
    }


def _indexed(row: Row) -> IndexedPassage:
    above = headings(row.document_name, row.title, row.heading)
    text = indexed_text(row.document_name, row.title, row.heading, row.text)
    return IndexedPassage(row.passage_id, row.document_id, row.collection_id, text, above)
