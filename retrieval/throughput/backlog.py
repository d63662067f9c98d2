"""What is owed, in which stage, how fast it goes, and when it will be done: for each collection, and for all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID

from django.db import connection

from retrieval.throughput.counting import SLOT_S

WINDOW_S = 300
PAUSE_S = 30  # nothing was done for so long: what was done before says nothing of how fast it goes now
_LEAST_S, _LEAST_DOCUMENTS, _LEAST_PASSAGES = 10, 3, 200  # before that, no end is foretold
STUCK_AFTER_S = 30  # sweeps come every few seconds: what is due and was not taken for so long waits for nobody's turn
PASSAGES_A_DOCUMENT = 10.0  # until it is known
_FRESH_S = 60  # progress that is younger shows that somebody works

State = Literal["idle", "working", "waiting", "paused", "stuck"]

_OWED = """
SELECT collection_id,
       count(*) FILTER (WHERE due AND status IN ('received', 'parsing')),
       count(*) FILTER (WHERE held AND status = 'parsing'),
       count(*) FILTER (WHERE due AND status = 'embedding'),
       count(*) FILTER (WHERE held AND status = 'embedding'),
       count(*) FILTER (WHERE NOT due AND NOT held AND status <> 'failed'),
       count(*) FILTER (WHERE status = 'failed'),
       coalesce(sum(passage_count) FILTER (WHERE status = 'embedding'), 0),
       extract(epoch FROM now() - min(queued_at) FILTER (WHERE due AND status <> 'failed'))
  FROM (SELECT collection_id, status, passage_count, queued_at,
               lease_token IS NOT NULL AND lease_until >= now() AS held,
               lease_until IS NULL OR lease_until < now() AS due
          FROM retrieval_document WHERE status IN ('received', 'parsing', 'embedding', 'failed')
           AND NOT (status = 'failed' AND collection_id IN (SELECT id FROM retrieval_collection WHERE attached))) d
 GROUP BY collection_id
"""
_DONE = """
SELECT collection_id, sum(passages) FILTER (WHERE recent), sum(ready + failed) FILTER (WHERE recent),
       sum(passages), sum(ready),
       extract(epoch FROM now() - min(at) FILTER (WHERE recent)), extract(epoch FROM now() - max(at))
  FROM (SELECT *, at >= coalesce((SELECT max(began.at) FROM (
                     SELECT at, at - lag(at) OVER (ORDER BY at) AS gap FROM throughput_slot
                      WHERE at > now() - make_interval(secs => %(window)s)) began
                      WHERE began.gap > make_interval(secs => %(pause)s)), now() - make_interval(secs => %(window)s))
               AS recent FROM throughput_slot) s
 GROUP BY collection_id
"""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Of one collection, or of all (`collection` is None). Numbers of documents where nothing else is said."""

    collection: UUID | None
    to_parse: int = 0
    parsing: int = 0
    to_embed: int = 0
    embedding: int = 0
    paused: int = 0  # given back after an error, and not yet due again
    failed: int = 0
    oldest_s: float = 0.0  # how long the one has waited that has waited longest
    passages_left: float = 0.0  # to be embedded: known where it was parsed, estimated where not
    passages_per_s: float = 0.0
    documents_per_min: float = 0.0
    ends_in_s: float | None = None
    state: State = "idle"

    @property
    def waiting(self) -> int:
        return self.to_parse + self.to_embed

    @property
    def in_work(self) -> int:
        return self.parsing + self.embedding

    @property
    def owed(self) -> int:
        return self.waiting + self.in_work + self.paused


@dataclass(frozen=True, slots=True)
class _Done:
    passages: int
    documents: int
    all_passages: int
    all_ready: int
    since_s: float  # the first of the window
    newest_s: float


def backlogs() -> tuple[Backlog, list[Backlog]]:
    """-> of all, and of each collection that has something owed or failed"""
    done = _done()
    each = _owed()
    owing = [_estimated(backlog, done) for backlog in each]
    whole = _whole(owing, done)
    rate = whole.passages_per_s if whole.ends_in_s is not None else 0.0
    return whole, [replace(one, state=_state_of(one, whole, done)) for one in _with_ends(owing, rate)]


def _owed() -> list[Backlog]:
    with connection.cursor() as cursor:
        cursor.execute(_OWED)
        rows = cursor.fetchall()
    return [_backlog(*row) for row in rows]


def _backlog(collection: UUID, *told: Any) -> Backlog:
    to_parse, parsing, to_embed, embedding, paused, failed, passages, oldest = told
    return Backlog(
        collection, to_parse, parsing, to_embed, embedding, paused, failed, float(oldest or 0.0), float(passages)
    )


def _done() -> dict[UUID, _Done]:
    with connection.cursor() as cursor:
        cursor.execute(_DONE, {"window": WINDOW_S, "pause": PAUSE_S})
        rows = cursor.fetchall()
    return {row[0]: _Done(*(int(n or 0) for n in row[1:5]), *(float(n or 0.0) for n in row[5:])) for row in rows}


def _estimated(backlog: Backlog, done: dict[UUID, _Done]) -> Backlog:
    assert backlog.collection is not None
    own = done.get(backlog.collection)
    known = [one for one in ([own] if own and own.all_ready else done.values()) if one.all_ready]
    ready = sum(one.all_ready for one in known)
    mean = sum(one.all_passages for one in known) / ready if ready else PASSAGES_A_DOCUMENT
    left = backlog.passages_left + max(mean, 1.0) * (backlog.to_parse + backlog.parsing)
    passages, documents = _rates([own] if own else [])
    return replace(backlog, passages_left=left, passages_per_s=passages, documents_per_min=documents)


def _rates(done: Sequence[_Done]) -> tuple[float, float]:
    """Passages a second and documents a minute, since the first of the window."""
    seconds = max([one.since_s for one in done if one.passages or one.documents], default=0.0)
    seconds = max(seconds, float(SLOT_S))
    return sum(one.passages for one in done) / seconds, 60.0 * sum(one.documents for one in done) / seconds


def _whole(owing: Iterable[Backlog], done: dict[UUID, _Done]) -> Backlog:
    owing = list(owing)
    passages, documents = _rates(list(done.values()))
    names = ("to_parse", "parsing", "to_embed", "embedding", "paused", "failed", "passages_left")
    sums = {name: sum(getattr(one, name) for one in owing) for name in names}
    oldest = max((one.oldest_s for one in owing), default=0.0)
    whole = Backlog(None, **sums, oldest_s=oldest, passages_per_s=passages, documents_per_min=documents)
    newest = min((one.newest_s for one in done.values()), default=float("inf"))
    state = _state_of_all(whole, newest)
    known = state == "working" and newest < _FRESH_S and _enough(done.values())
    ends = whole.passages_left / passages if passages and known else None
    return replace(whole, ends_in_s=ends, state=state)


def _enough(done: Iterable[_Done]) -> bool:
    """Whether a rate can be told from it."""
    recent = [one for one in done if one.passages or one.documents]
    some = sum(one.documents for one in recent) >= _LEAST_DOCUMENTS
    many = sum(one.passages for one in recent) >= _LEAST_PASSAGES
    return (some or many) and max((one.since_s for one in recent), default=0.0) >= _LEAST_S


def _state_of_all(whole: Backlog, newest_s: float) -> State:
    if not whole.owed:
        return "idle"
    if whole.in_work or newest_s < _FRESH_S:
        return "working"
    if not whole.waiting:
        return "paused"
    return "stuck" if whole.oldest_s > STUCK_AFTER_S else "waiting"


def _state_of(one: Backlog, whole: Backlog, done: dict[UUID, _Done]) -> State:
    """A collection without anything in work waits for its turn as long as others have theirs."""
    if not one.owed:
        return "idle"
    progress = done.get(one.collection) if one.collection else None
    if one.in_work or (progress is not None and progress.newest_s < _FRESH_S):
        return "working"
    if not one.waiting:
        return "paused"
    return "stuck" if whole.state == "stuck" else "waiting"


def _with_ends(owing: Sequence[Backlog], passages_per_s: float) -> list[Backlog]:
    """Collections have equal shares: when the smallest is done, the others go on with larger ones."""
    if not passages_per_s:
        return list(owing)
    ended: list[Backlog] = []
    passed = before = 0.0
    order = sorted(owing, key=lambda one: one.passages_left)
    active = [one for one in order if one.owed]
    for number, one in enumerate(active):
        passed += (one.passages_left - before) * (len(active) - number) / passages_per_s
        before = one.passages_left
        ended.append(replace(one, ends_in_s=passed))
    return ended + [one for one in order if not one.owed]
