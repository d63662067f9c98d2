"""The index versions that one index service holds: the one that answers, and those that are about to.

Everybody's question goes to `current`, one reference, read once for each request: no answer mixes two versions.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import structlog

from retrieval.contracts import VERSIONS_CHANNEL, IndexStatus
from retrieval.errors import RetrievalError
from retrieval.index.follower import Follower
from retrieval.index.live import LiveIndex
from retrieval.index.query_cache import QueryCache
from retrieval.index.room import check_room

log = structlog.get_logger(__name__)

# One at a time; of a run that nobody took up again after its process died, a few minutes longer.
_EVALUATED = """
    SELECT v.id FROM evaluation_evaluationrun r JOIN versions_indexversion v ON v.id = r.index_version
     WHERE r.state IN ('queued', 'running')
       AND greatest(r.created_at, r.queued_at, r.lease_until) > now() - interval '3 minutes'
       AND v.status IN ('ready', 'checking', 'retired') AND v.cleared_at IS NULL
     ORDER BY r.state = 'running' DESC, r.created_at LIMIT 1
"""
_WANTED = f"""
    SELECT id, embedding_model, kind, status FROM versions_indexversion
     WHERE status = 'serving' OR (status = 'ready' AND promote) OR (status = 'checking' AND gate <> '')
        OR id = ({_EVALUATED})
     ORDER BY status = 'serving' DESC, id
"""  # noqa: S608 - constants of ours
_REPORT = """
    INSERT INTO versions_indexservicestate AS here (id, name, seen_at, serving, holds, loading, loads_since, problem)
    VALUES (%s, %s, now(), %s, %s, %s, now(), %s)
    ON CONFLICT (id) DO UPDATE
       SET seen_at = now(), serving = excluded.serving, holds = excluded.holds, problem = excluded.problem,
           loads_since = CASE WHEN here.loading = excluded.loading THEN here.loads_since ELSE now() END,
           loading = excluded.loading
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A version as its row describes it."""

    id: int | None  # None: before the first one
    model: str
    kind: str = "auto"


@dataclass(slots=True)
class Held:
    """A version in memory."""

    version: Wanted
    index: LiveIndex
    questions: QueryCache
    follower: Follower

    @property
    def loaded(self) -> bool:
        return self.follower.loaded.is_set()


class Shelf(threading.Thread):
    """Learns which versions are wanted, loads and drops them, and tells in Postgres what it holds."""

    POLL_S = 0.5
    REPORT_S = 5.0
    RETRY_S = 10.0

    def __init__(
        self, dsn: str, before: Wanted, load: Callable[[Wanted], tuple[LiveIndex, QueryCache]], tidy: Callable[[], None]
    ) -> None:
        """`load` makes the empty index of a version, its embedder loaded; `before` stands in for the first version."""
        super().__init__(name="index-shelf", daemon=True)
        self.dsn, self._load, self._before, self._tidy = dsn, load, before, tidy
        self.current: Held | None = None
        self.stopping = threading.Event()
        self.id, self.name = uuid.uuid4(), f"{socket.gethostname()[:80]} {os.getpid()}"
        self._lock = threading.RLock()
        self._held: dict[int | None, Held] = {}
        self._serving = before
        self._wanted: list[Wanted] = []
        self._problem = "The database was not reached yet."
        self._failed: dict[int | None, tuple[float, str]] = {}
        self._reported: tuple[float, object] = (-self.REPORT_S, None)
        self._loader: threading.Thread | None = None

    # -- for questions ---------------------------------------------------------------------------------------------
    def models(self) -> set[str]:
        """Those that a version here needs."""
        with self._lock:
            return {held.version.model for held in self._held.values()} | {one.model for one in self._wanted}

    def held(self, version: object) -> Held | None:
        """One that is loaded."""
        with self._lock:
            found = self._held.get(version) if isinstance(version, int) else None
        return found if found is not None and found.loaded else None

    def status(self) -> IndexStatus:
        with self._lock:
            current, serving = self.current, self._serving
            failed = [problem for _, problem in self._failed.values()]
        if current is None:
            loading = self._held.get(serving.id)
            problem = loading.follower.problem if loading else ""
            return IndexStatus(False, problems=tuple(filter(None, [problem, self._problem, *failed])))
        status = replace(current.follower.status(), version=current.version.id or 0)
        said = tuple(dict.fromkeys(filter(None, [*status.problems, self._problem, *failed])))
        if current.version.id != serving.id:  # what was added to the next one is not found yet
            return replace(status, applied=-1, problems=(*said, f"Version {serving.id} is loading."))
        return replace(status, problems=said)

    # -- following the rows ----------------------------------------------------------------------------------------
    def run(self) -> None:
        delay = 0.2
        while not self.stopping.is_set():
            try:
                with psycopg.connect(self.dsn, autocommit=True, connect_timeout=5) as connection:
                    delay = 0.2
                    self._follow(connection)
            except psycopg.OperationalError:
                self._problem = "The database cannot be reached."
            except psycopg.errors.UndefinedTable:
                self._problem = "The database is not set up yet: run `manage.py migrate`."
            except Exception as error:
                self._problem = f"Index versions could not be followed: {error}"[:300]
                log.exception("index.shelf_failed")
            self.stopping.wait(delay)
            delay = min(delay * 2, 5.0)

    def _follow(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute(f"LISTEN {VERSIONS_CHANNEL}")
        while not self.stopping.is_set():
            self.look(connection)
            self._problem = ""
            self._load_wanted()
            self._drop_unwanted()
            self._report(connection)
            self._tidy()
            for _ in connection.notifies(timeout=self.POLL_S, stop_after=1):
                pass
        connection.execute("DELETE FROM versions_indexservicestate WHERE id = %s", [self.id])  # nobody waits for it

    def look(self, connection: psycopg.Connection[Any]) -> None:
        """Read which version serves, and answer from it when it is loaded."""
        rows = connection.execute(_WANTED).fetchall()
        serving = next((Wanted(*row[:3]) for row in rows if row[3] == "serving"), self._before)
        with self._lock:
            self._serving = serving
            self._wanted = [serving, *(Wanted(*row[:3]) for row in rows if row[3] != "serving")]
            self._adopt(serving)
            held = self._held.get(serving.id)
            if held is not None and held.loaded and held is not self.current:
                self.current = held
                log.info("index.serves", version=serving.id, model=serving.model)

    def _adopt(self, serving: Wanted) -> None:
        """The first version is what was served before there was one: nothing needs to be loaded again."""
        held = self._held.get(None)
        if held is None or serving.id is None or serving.id in self._held or held.version.model != serving.model:
            return
        held.version = serving
        held.follower.version = serving.id
        self._held = {serving.id: held}

    def _load_wanted(self) -> None:
        """One at a time, in a thread of its own: this one goes on telling that the service lives. What memory is left
        shows when the one before is loaded, or cannot be.
        """
        if self._loader is not None and self._loader.is_alive():
            return
        if any(not held.loaded and not held.follower.problem for held in self._held.values()):
            return
        for one in self._wanted:
            failed_at, _ = self._failed.get(one.id, (-self.RETRY_S, ""))
            if one.id not in self._held and time.monotonic() - failed_at >= self.RETRY_S:
                self._loader = threading.Thread(target=self._load_one, args=(one,), name="index-loader", daemon=True)
                self._loader.start()
                return

    def _load_one(self, one: Wanted) -> None:
        try:
            index, questions = self._load(one)
            check_room(self.dsn, one.id, index)
        except RetrievalError as error:
            self._not_loaded(one, error.sentence, error)
        except Exception as error:  # noqa: BLE001 - the outermost loop of this thread
            self._not_loaded(one, f"{type(error).__name__}: {error}"[:200], error)
        else:
            follower = Follower(index, self.dsn, one.id, self.look)
            with self._lock:
                self._failed.pop(one.id, None)
                self._held[one.id] = Held(one, index, questions, follower)
            follower.start()

    def _not_loaded(self, one: Wanted, reason: str, error: Exception) -> None:
        log.error("index.version_not_loaded", version=one.id, model=one.model, reason=str(error))
        with self._lock:
            self._failed[one.id] = (time.monotonic(), f"Version {one.id or 0} cannot be loaded: {reason}")

    def _drop_unwanted(self) -> None:
        with self._lock:
            wanted = {one.id for one in self._wanted}
            self._failed = {key: value for key, value in self._failed.items() if key in wanted}
            for key in [key for key, held in self._held.items() if key not in wanted and held is not self.current]:
                self._held.pop(key).follower.stopping.set()
                log.info("index.version_dropped", version=key)

    def _report(self, connection: psycopg.Connection[Any]) -> None:
        with self._lock:
            current = self.current.version.id if self.current else None
            holds = {str(key or 0): held.follower.applied for key, held in self._held.items() if held.loaded}
            loading = {str(key or 0): len(held.index.vectors) for key, held in self._held.items() if not held.loaded}
            problem = "; ".join(said for _, said in self._failed.values())[:500]
        told, last = self._reported
        state = (current, tuple(holds.items()) if len(holds) > 1 else tuple(holds), problem)
        if state != last or time.monotonic() - told > self.REPORT_S:
            told_now = [current, json.dumps(holds), json.dumps(loading), problem]
            connection.execute(_REPORT, [self.id, self.name, *told_now])
            self._reported = (time.monotonic(), state)

    def end(self) -> None:
        self.stopping.set()
        with self._lock:
            for held in self._held.values():
                held.follower.stopping.set()
        self.join(2 * self.POLL_S)
