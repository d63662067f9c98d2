"""The searchable state of one index service: filled from Postgres, then kept up with its change log.

Nothing here is the truth: a restart builds it again from the passages and vectors in Postgres.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import psycopg
import structlog

from retrieval.contracts import (
    INDEX_CHANNEL,
    IndexedPassage,
    IndexStatus,
    LexicalIndex,
    PassageHit,
    SearchRequest,
    VectorIndex,
    Vectors,
)
from retrieval.fusion import fuse
from retrieval.indexed_text import indexed_text

log = structlog.get_logger(__name__)

_BATCH = 2000
_SELECT = """
    SELECT p.id, p.document_id, d.collection_id, d.name, d.title, p.heading, p.text, v.vector
    FROM retrieval_passage p
    JOIN retrieval_document d ON d.id = p.document_id
    JOIN retrieval_passagevector v ON v.passage_id = p.id AND v.model = %s
    WHERE d.status = 'ready'
"""

_Row = tuple[Any, ...]  # of _SELECT


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Rows as the indexes take them: made before the lock is held."""

    passages: list[IndexedPassage]
    vectors: Vectors


@dataclass
class LiveIndex:
    """Vectors, words and who-belongs-where of every ready passage. Thread-safe."""

    vectors: VectorIndex
    words: LexicalIndex
    model: str
    dimension: int
    dense_weight: float
    candidates: int
    passages_of: dict[UUID, npt.NDArray[np.int64]] = field(default_factory=dict)  # by document
    documents_of: dict[UUID, set[UUID]] = field(default_factory=dict)  # by collection
    collection_of: dict[UUID, UUID] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    generation: int = 0  # changes with each applied batch, so that cached scopes expire
    _scopes: dict[frozenset[UUID], tuple[int, npt.NDArray[np.int64]]] = field(default_factory=dict)

    # -- search ----------------------------------------------------------------------------------------------------
    def search(self, request: SearchRequest, query: Vectors, *, dense_weight: float | None = None) -> list[PassageHit]:
        depth = max(self.candidates, request.k)
        with self.lock:  # a change between the two would mix what was and what is readable
            allowed = self.scope(request.collections)
            if allowed is not None and not len(allowed):
                return []
            dense = self.vectors.search(query, depth, allowed)
            lexical = self.words.search(request.question, depth, request.collections)
        weight = self.dense_weight if dense_weight is None else dense_weight
        return fuse(dense, lexical, dense_weight=weight, k=request.k)

    def scope(self, collections: frozenset[UUID]) -> npt.NDArray[np.int64] | None:
        """The ids that may be found, or None when that is all of them."""
        with self.lock:
            known = frozenset(c for c in collections if c in self.documents_of)
            if known and len(known) == len(self.documents_of):
                return None
            cached = self._scopes.get(known)
            if cached and cached[0] == self.generation:
                return cached[1]
            parts = [self.passages_of[d] for c in known for d in self.documents_of[c]]
            ids = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
            if len(self._scopes) >= 64:
                self._scopes.clear()
            self._scopes[known] = (self.generation, ids)
            return ids

    # -- changes ---------------------------------------------------------------------------------------------------
    def replace(self, documents: list[UUID], rows: list[_Row]) -> None:
        """Forget the documents and take in the rows, in one step: no search falls in between."""
        batch = self._prepared(rows)
        with self.lock:
            self.remove(documents)
            self._add(batch)

    def add(self, rows: list[_Row]) -> None:
        self._add(self._prepared(rows))

    def _prepared(self, rows: list[_Row]) -> _Prepared:
        fitting = [row for row in rows if len(row[7]) == 2 * self.dimension]
        if len(fitting) < len(rows):
            log.error("index.vectors_of_another_dimension", passages=len(rows) - len(fitting), model=self.model)
        stored = np.frombuffer(b"".join(bytes(row[7]) for row in fitting), dtype="<f2")
        return _Prepared(
            [IndexedPassage(row[0], row[1], row[2], indexed_text(row[3], row[4], row[5], row[6])) for row in fitting],
            stored.reshape(len(fitting), self.dimension).astype(np.float32),
        )

    def _add(self, batch: _Prepared) -> None:
        if not batch.passages:
            return
        ids = np.array([passage.passage_id for passage in batch.passages], dtype=np.int64)
        with self.lock:
            for passage in batch.passages:
                self.collection_of[passage.document_id] = passage.collection_id
                self.documents_of.setdefault(passage.collection_id, set()).add(passage.document_id)
            for document in dict.fromkeys(passage.document_id for passage in batch.passages):
                new = ids[[passage.document_id == document for passage in batch.passages]]
                held = self.passages_of.get(document)
                self.passages_of[document] = new if held is None else np.concatenate([held, new])
            self.generation += 1
            # Last, so that `remove` knows of everything that a failure here may leave behind.
            self.vectors.add(ids, batch.vectors)
            self.words.add(batch.passages)

    def remove(self, documents: list[UUID]) -> None:
        with self.lock:
            held = [d for d in documents if d in self.passages_of]
            if not held:
                return
            self.vectors.remove(np.concatenate([self.passages_of.pop(d) for d in held]))
            self.words.remove_documents(held)
            for document in held:
                collection = self.collection_of.pop(document)
                self.documents_of[collection].discard(document)
                if not self.documents_of[collection]:
                    del self.documents_of[collection]
            self.generation += 1


class Follower(threading.Thread):
    """Fills the index from Postgres and applies the change log in its order, for as long as the process lives."""

    POLL_S = 1.0
    WARN_S = 30.0

    def __init__(self, index: LiveIndex, dsn: str) -> None:
        super().__init__(name="index-follower", daemon=True)
        self.index, self.dsn = index, dsn
        self.applied = -1  # highest change that searches see
        self.loaded = threading.Event()
        self.stopping = threading.Event()
        self.problem = ""
        self.behind = 0
        self._warned_at = -self.WARN_S

    def run(self) -> None:
        delay = 0.2
        while not self.stopping.is_set():
            try:
                with psycopg.connect(self.dsn, autocommit=True, connect_timeout=5) as connection:
                    self._follow(connection)
                    delay = 0.2
            except psycopg.OperationalError as error:
                self.problem = "The database cannot be reached."
                self._warn("index.waits_for_the_database", error=" ".join(str(error).split())[:300])
            except psycopg.errors.UndefinedTable:
                self.problem = "The database is not set up yet: run `manage.py migrate`."
                self._warn("index.waits_for_migrations")
            except Exception as error:
                self.problem = f"Changes could not be applied: {error}"[:300]
                log.exception("index.follower_failed")
            self.stopping.wait(delay)
            delay = min(delay * 2, 5.0)

    def _warn(self, event: str, **values: Any) -> None:
        """It waits as long as it takes, and says so now and then rather than at each try."""
        if time.monotonic() - self._warned_at > self.WARN_S:
            self._warned_at = time.monotonic()
            log.warning(event, **values)

    def _follow(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute(f"LISTEN {INDEX_CHANNEL}")
        while not self.stopping.is_set():
            self._catch_up(connection)
            self.problem = ""
            for _ in connection.notifies(timeout=self.POLL_S, stop_after=1):
                pass

    def _catch_up(self, connection: psycopg.Connection[Any]) -> None:
        query = "SELECT seq, document_id, kind FROM retrieval_indexchange WHERE seq > %s ORDER BY seq LIMIT 200"
        while True:
            changes = connection.execute(query, [self.applied]).fetchall()
            oldest, newest = self._log_range(connection)
            if not self.loaded.is_set() or not oldest <= self.applied <= newest:
                self._load(connection)
            elif changes:
                self.behind = len(changes)
                self._apply(connection, changes)
            else:
                break
        self.behind = 0

    def _log_range(self, connection: psycopg.Connection[Any]) -> tuple[int, int]:
        """Oldest and newest change. Old ones are deleted from the oldest on (retrieval.changes.forget_old), so where
        one that was applied is still there, none after it is missing. A newest one before it: an older state of the
        database was restored."""
        row = connection.execute("SELECT min(seq), max(seq) FROM retrieval_indexchange").fetchone()
        oldest, newest = row or (None, None)
        return int(oldest or 0), int(newest or 0)

    def _load(self, connection: psycopg.Connection[Any]) -> None:
        """Everything anew. Document after document takes the place of what is held: searches go on meanwhile."""
        begun = time.monotonic()
        _, applied = self._log_range(connection)  # before the rows are read: what comes later is applied once more
        gone = set(self.index.passages_of)
        for rows in self._whole_documents(connection):
            gone -= self._replace(rows)
        self.index.remove(list(gone))
        self.loaded.set()
        self.applied = applied
        log.info("index.loaded", passages=len(self.index.vectors), seconds=round(time.monotonic() - begun, 2))

    def _apply(self, connection: psycopg.Connection[Any], changes: list[tuple[int, UUID, str]]) -> None:
        kinds: dict[UUID, set[str]] = {}
        for _, document, kind in changes:
            kinds.setdefault(document, set()).add(kind)
        self.index.remove([document for document, seen in kinds.items() if "add" not in seen])
        # The rows are read as they are now, so that a change applied twice or late ends in the same state.
        gone = {document for document, seen in kinds.items() if "add" in seen}
        for rows in self._whole_documents(connection, list(gone)) if gone else ():
            gone -= self._replace(rows)
        self.index.remove(list(gone))
        self.applied = changes[-1][0]

    def _replace(self, rows: list[_Row]) -> set[UUID]:
        documents = {row[1] for row in rows}
        self.index.replace(list(documents), rows)
        return documents

    def _whole_documents(
        self, connection: psycopg.Connection[Any], documents: list[UUID] | None = None
    ) -> Iterator[list[_Row]]:
        """Rows of these, or of all, ready ones in groups of about _BATCH, each document within one."""
        select = _SELECT + ("" if documents is None else " AND p.document_id = ANY(%s)")
        values = [self.index.model] if documents is None else [self.index.model, documents]
        held: list[_Row] = []
        with connection.transaction(), connection.cursor("documents") as cursor:
            cursor.execute(select + " ORDER BY p.document_id, p.id", values)
            while rows := cursor.fetchmany(_BATCH):
                held += rows
                whole = next((i for i in range(len(held), 0, -1) if held[i - 1][1] != held[-1][1]), 0)
                if whole:
                    yield held[:whole]
                    held = held[whole:]
        if held:
            yield held

    def status(self) -> IndexStatus:
        return IndexStatus(
            ready=self.loaded.is_set(),
            passages=len(self.index.vectors),
            documents=len(self.index.passages_of),
            embedding_model=self.index.model,
            behind=self.behind,
            applied=self.applied,
            problems=tuple(filter(None, [self.problem])),
        )
