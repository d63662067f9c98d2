"""Embeds the passages of many documents: batches are filled across documents. While the index service computes one,
the next waits there already, so that it never has to wait for us to read, write or send.

Long documents give a share of each batch and are handed back after a while, so that short ones do not wait for them.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence, Set
from concurrent.futures import Future
from dataclasses import dataclass, field
from uuid import UUID

import structlog
from django.db import connection

from retrieval.contracts import Vectors
from retrieval.indexed_text import indexed_text
from retrieval.pipeline import leases, results
from retrieval.pipeline.claims import Claimed
from retrieval.pipeline.stops import Stop
from retrieval.service.client import IndexClient
from retrieval.throughput.counting import tally

log = structlog.get_logger(__name__)

BATCH = 64
AHEAD = 2  # batches that are under way at the same time
SHARE = 16  # passages of a batch that one document takes as long as others want room in it
_ANSWER_S = 200.0  # longer than the client waits
QUANTUM = 256  # passages of a document in one go; then those behind it have their turn

Take = Callable[[int, UUID], list[Claimed]]  # room for so many passages, under this token

_PASSAGES = """
SELECT wanted.id, p.id, p.heading, p.text
  FROM unnest(%(documents)s::uuid[]) AS wanted(id)
 CROSS JOIN LATERAL (
    SELECT p.id, p.heading, p.text FROM retrieval_passage p
     WHERE p.document_id = wanted.id
       AND NOT EXISTS (SELECT 1 FROM retrieval_passagevector v WHERE v.passage_id = p.id AND v.model = %(model)s)
     ORDER BY p.ordinal LIMIT %(most)s) p
"""


@dataclass(slots=True)
class _Work:
    """A document in hand."""

    claimed: Claimed
    owed: deque[tuple[int, str]] = field(default_factory=deque)  # passages, and what of each is embedded
    sent: int = 0  # passages that are under way
    more: bool = False  # it has more passages than are in `owed`

    @property
    def is_through(self) -> bool:
        return not self.owed and not self.sent


@dataclass(slots=True)
class _Batch:
    parts: list[tuple[_Work, list[tuple[int, str]]]]
    answer: Future[Vectors]
    since: float = field(default_factory=time.monotonic)

    @property
    def texts(self) -> list[str]:
        return [text for _, passages in self.parts for _, text in passages]


class EmbeddingLine:
    """Works on what `take` claims, all under one token. Raises what the index service raises: give back then."""

    def __init__(self, client: IndexClient, take: Take, holding: leases.Holding, stop: Stop) -> None:
        self._client, self._take, self._model = client, take, ""
        self._holding, self._stop = holding, stop
        self._works: deque[_Work] = deque()
        self.claimed = 0

    def run(self, model: str, until: float) -> None:
        """Until nothing is owed, or it is `until` (monotonic) and what is under way has come."""
        self._model = model
        under_way: deque[_Batch] = deque()
        while True:
            while len(under_way) < AHEAD and time.monotonic() < until and (parts := self._fill()):
                under_way.append(self._send(parts))
            if under_way:
                batch = under_way.popleft()
                self._store(batch, batch.answer.result(_ANSWER_S))
                tally.write()
            elif not self._works or time.monotonic() >= until:
                return

    # -- reading ---------------------------------------------------------------------------------------------------
    def _fill(self) -> list[tuple[_Work, list[tuple[int, str]]]]:
        """Everybody's share first; then whoever has more takes what room is left."""
        room = BATCH - sum(min(len(work.owed), SHARE) for work in self._works)
        if room > 0:
            self._claim(room)
        taken: dict[int, tuple[_Work, list[tuple[int, str]]]] = {}
        left = BATCH
        for share in (SHARE, BATCH):
            for _ in range(len(self._works)):
                if not left:
                    break
                work = self._works[0]
                self._works.rotate(-1)
                number = min(len(work.owed), share, left)
                if number:
                    passages = [work.owed.popleft() for _ in range(number)]
                    taken.setdefault(id(work), (work, []))[1].extend(passages)
                    left -= number
        for work, passages in taken.values():
            work.sent += len(passages)
        return list(taken.values())

    def _claim(self, room: int) -> None:
        with self._stop.deferred():
            claimed = self._take(room, self._holding.token)
            self._holding.add(one.lease for one in claimed)
        if not claimed:
            return
        self.claimed += len(claimed)
        works = {one.lease.document_id: _Work(one) for one in claimed}
        with connection.cursor() as cursor:
            cursor.execute(_PASSAGES, {"documents": list(works), "model": self._model, "most": QUANTUM + 1})
            for document_id, passage_id, heading, text in cursor.fetchall():
                work = works[document_id]
                if len(work.owed) == QUANTUM:
                    work.more = True
                    continue
                one = work.claimed
                work.owed.append((passage_id, indexed_text(one.name, one.title, heading, text)))
        self._works.extend(works.values())
        if complete := [work for work in works.values() if work.is_through]:
            self._finish(complete)  # every vector was stored before its worker died

    # -- embedding -------------------------------------------------------------------------------------------------
    def _send(self, parts: list[tuple[_Work, list[tuple[int, str]]]]) -> _Batch:
        batch = _Batch(parts, Future())
        threading.Thread(target=self._ask, args=(batch,), name="embedding", daemon=True).start()
        return batch

    def _ask(self, batch: _Batch) -> None:
        try:
            batch.answer.set_result(self._client.embed(batch.texts, bulk=True, of_model=self._model))
        except Exception as error:  # noqa: BLE001 - the outermost loop of this thread: the waiting one raises it
            batch.answer.set_exception(error)

    # -- writing ---------------------------------------------------------------------------------------------------
    def _store(self, batch: _Batch, vectors: Vectors) -> None:
        for work, passages in batch.parts:
            work.sent -= len(passages)
        through = [work for work, _ in batch.parts if work.is_through]
        passage_ids = [passage_id for _, passages in batch.parts for passage_id, _ in passages]
        owners = [work.claimed.lease.document_id for work, passages in batch.parts for _ in passages]
        ready = [work.claimed.lease.document_id for work in through if not work.more]
        seconds = (time.monotonic() - batch.since) / max(1, len(passage_ids))
        lost = results.store_vectors(
            self._holding.token, owners, passage_ids, vectors, self._model, seconds_a_passage=seconds, ready=ready
        )
        self._drop(lost, through)

    def _finish(self, works: Sequence[_Work]) -> None:
        ready = [work.claimed.lease.document_id for work in works]
        lost = results.store_vectors(self._holding.token, [], [], None, self._model, ready=ready)
        self._drop(lost, works)

    def _drop(self, lost: Set[UUID], through: Sequence[_Work]) -> None:
        for work in through:
            if work.more and work.claimed.lease.document_id not in lost:
                leases.release(work.claimed.lease, pause_s=0.0, burn_attempt=False)
        gone = {id(work) for work in through}
        ended = [w for w in self._works if id(w) in gone or w.claimed.lease.document_id in lost]
        for work in ended:
            self._works.remove(work)
            self._holding.drop(work.claimed.lease.document_id)
