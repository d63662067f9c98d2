"""Fills the searchable state of an index service from Postgres, then keeps it up with the change log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
import structlog

from retrieval.contracts import INDEX_CHANNEL, IndexStatus
from retrieval.index.live import LiveIndex
from retrieval.index.rows import Row, facts_now, ready_documents, whole_documents

log = structlog.get_logger(__name__)
# What a row can be to blame for. More documents than _MOST_LEFT_OUT: it is not the rows.
_UNREADABLE = (ValueError, TypeError, OverflowError, psycopg.DataError)
_MOST_LEFT_OUT = 100


class Follower(threading.Thread):
    """Fills the index from Postgres and applies the change log in its order, for as long as the process lives."""

    POLL_S = 1.0
    WARN_S = 30.0
    AGAIN_S = 60.0  # then documents that were left out are tried again

    def __init__(
        self,
        index: LiveIndex,
        dsn: str,
        version: int | None = None,
        look: Callable[[psycopg.Connection[Any]], None] = lambda _: None,
    ) -> None:
        """`look` learns which version serves; it is called before a change counts as applied."""
        super().__init__(name="index-follower", daemon=True)
        self.index, self.dsn, self.version, self.look = index, dsn, version, look
        self.applied = -1  # highest change that searches see
        self.loaded = threading.Event()
        self.stopping = threading.Event()
        self.problem = ""
        self.behind = 0
        self._warned_at = -self.WARN_S
        self._left_out: dict[UUID, str] = {}
        self._again_at = 0.0

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
            self._try_again(connection)
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
                self.look(connection)
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
        gone = set(self.index.documents)
        self._left_out = {}
        gone -= self._take_in(connection, None)
        self.index.remove(list(gone))
        self.index.filled()
        self.loaded.set()
        self.look(connection)
        self.applied = applied
        log.info("index.loaded", passages=len(self.index.vectors), seconds=round(time.monotonic() - begun, 2))

    def _apply(self, connection: psycopg.Connection[Any], changes: list[tuple[int, UUID, str]]) -> None:
        kinds: dict[UUID, set[str]] = {}
        for _, document, kind in changes:
            kinds.setdefault(document, set()).add(kind)
        self.index.remove([document for document, seen in kinds.items() if seen == {"remove"}])
        # The rows are read as they are now, so that a change applied twice or late ends in the same state.
        gone = {document for document, seen in kinds.items() if seen != {"remove"}}
        gone -= self._describe(connection, [document for document in gone if kinds[document] == {"access"}])
        self._read_anew(connection, gone)
        for document in kinds.keys() - gone:
            self._left_out.pop(document, None)
        self.look(connection)  # a document that is in the next version only must not count as found in this one
        self.applied = changes[-1][0]

    def _describe(self, connection: psycopg.Connection[Any], documents: list[UUID]) -> set[UUID]:
        """-> those of which only the facts had to be read"""
        try:
            facts = facts_now(connection, documents) if documents else {}
        except _UNREADABLE:
            return set()
        return facts.keys() - self.index.describe(facts)

    def _read_anew(self, connection: psycopg.Connection[Any], documents: set[UUID]) -> None:
        """What is not ready any more goes."""
        for document in documents:
            self._left_out.pop(document, None)
        taken = self._take_in(connection, list(documents)) if documents else set()
        self.index.remove(list(documents - taken))

    def _take_in(self, connection: psycopg.Connection[Any], documents: list[UUID] | None) -> set[UUID]:
        """-> those of them (None: of all) that are found now. One that cannot be read is looked for by halves, and left
        out: the others do not wait for it."""
        taken: set[UUID] = set()
        try:
            for rows in whole_documents(connection, self.index.model, self.version, documents):
                taken |= self._replace(rows)
            return taken
        except _UNREADABLE as error:
            if documents is None:
                documents = ready_documents(connection)
            elif len(documents) == 1:
                self._leave_out(documents[0], error)
                return set()
        middle = (len(documents) + 1) // 2
        halves = (half for half in (documents[:middle], documents[middle:]) if half)
        return set().union(*(self._take_in(connection, half) for half in halves))

    def _leave_out(self, document: UUID, error: Exception) -> None:
        if len(self._left_out) >= _MOST_LEFT_OUT:
            raise error
        log.error("index.document_left_out", document=str(document), error=f"{type(error).__name__}: {error}"[:300])
        self._left_out[document] = type(error).__name__
        self._again_at = time.monotonic() + self.AGAIN_S

    def _try_again(self, connection: psycopg.Connection[Any]) -> None:
        if self._left_out and time.monotonic() > self._again_at:
            self._read_anew(connection, set(self._left_out))

    def _problems(self) -> Iterator[str]:
        if self.problem:
            yield self.problem
        if left_out := list(self._left_out):
            named = ", ".join(str(document) for document in left_out[:3])
            yield f"{len(left_out)} documents cannot be read and are left out of the index: {named}."[:300]

    def _replace(self, rows: list[Row]) -> set[UUID]:
        documents = {row.document_id for row in rows}
        self.index.replace(list(documents), rows)
        return documents

    def status(self) -> IndexStatus:
        return IndexStatus(
            ready=self.loaded.is_set(),
            passages=len(self.index.vectors),
            documents=len(self.index.documents),
            embedding_model=self.index.model,
            behind=self.behind,
            applied=self.applied,
            problems=tuple(self._problems()),
        )
