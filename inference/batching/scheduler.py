"""Continuous batching: requests join and leave between the decode steps of one context.

Orca (Yu et al., OSDI 2022) schedules by iteration; Sarathi-Serve (Agrawal et al., OSDI 2024) slices prompts so that
running streams keep moving. Here both under one thread, with prompts shared between sequences.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from inference.batching.contract import (
    DecodeFailed,
    DecodingContext,
    Ended,
    Events,
    NoRoom,
    Reason,
    Request,
    Row,
    StepReport,
)
from inference.batching.layout import Pick
from inference.batching.lookup import PromptLookup
from inference.batching.pace import Pace
from inference.batching.places import Places
from inference.batching.planning import Planner
from inference.batching.sequences import Sequences
from inference.batching.stream import Stream
from inference.batching.text import TextOut
from inference.batching.waiting import FairQueue
from inference.engine import Progress
from inference.errors import ContextTooLong, EngineUnavailable, InferenceError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    streams: int = 4  # that are answered at once
    waiting: int = 64
    waiting_of_one_user: int = 8
    inter_token_s: float = 0.25  # what a running stream may wait while others' prompts are read
    lookup: bool = True


class Scheduler:
    """`submit` and `cancel` from any thread; `step` from the one that owns the context."""

    def __init__(
        self, context: DecodingContext, limits: Limits, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._context, self.limits, self._clock = context, limits, clock
        self._sequences = Sequences(context.sequences)
        self._places = Places(context, self._sequences)
        self._pace = Pace(target_s=limits.inter_token_s, most=context.batch_tokens)
        self._planner = Planner(context, self._places, self._pace)
        self._queue = FairQueue(most=limits.waiting, most_of_one_user=limits.waiting_of_one_user)
        self._lock = threading.Lock()
        self._cancelled: set[Request] = set()
        self._active: list[Stream] = []  # in the order of admission
        self._preempted: deque[Stream] = deque()
        self._positions: dict[Request, int] = {}

    # -- from any thread -------------------------------------------------------------------------------------------
    def submit(self, request: Request) -> Progress:
        """-> its place in the queue. Raises ContextTooLong before anything is computed, EngineBusy."""
        room = self._context.sequence_tokens - len(request.prompt)
        if not request.prompt or room < 1:
            detail = f"{len(request.prompt)} prompt tokens, context of {self._context.sequence_tokens}"
            raise ContextTooLong(detail=detail)
        with self._lock:
            busy_s = self._pace.expected_wait_s(len(self._queue), self.limits.streams) or 5.0
            self._queue.push(request, retry_after_s=busy_s)
            position = next(n for n, one in enumerate(self._queue.in_order()) if one is request)
            free = self.limits.streams - len(self._active) - len(self._queue) + 1
            position = 0 if free > 0 else position + len(self._active)
            self._positions[request] = position
        return Progress(position, expected_s=self._pace.expected_wait_s(position, self.limits.streams))

    def cancel(self, request: Request) -> None:
        """Takes effect with the next step, wherever the request stands."""
        with self._lock:
            self._cancelled.add(request)

    @property
    def has_work(self) -> bool:
        with self._lock:
            return bool(self._active or self._preempted or len(self._queue) or self._cancelled)

    @property
    def queued(self) -> int:
        return len(self._queue)

    @property
    def active(self) -> int:
        return len(self._active)

    # -- the owner's thread ----------------------------------------------------------------------------------------
    def step(self) -> StepReport:
        begun = time.perf_counter()
        report = StepReport()
        self._drop_cancelled_and_late(report.events)
        self._admit(report.events)
        batch, slices = self._planner.plan(self._active)
        if batch.rows and self._decode(batch.rows, report):
            self._places.hold(batch)
            report.events += [(s.request, self._read(s)) for s in slices if not s.written]
            self._sample(batch.picks, report)
        report.rows, report.queued, report.active = len(batch.rows), len(self._queue), len(self._active)
        report.held_tokens = self._sequences.tokens
        report.total_s = time.perf_counter() - begun
        return report

    def fail_all(self) -> Events:
        """Nothing goes on: the context is gone."""
        events: Events = []
        for stream in [*self._active, *self._preempted]:
            self._leave(stream)
            events.append((stream.request, EngineUnavailable("The model stopped.")))
        with self._lock:
            waiting = list(self._queue.in_order())
            for request in waiting:
                self._queue.remove(request)
        self._preempted.clear()
        return events + [(request, EngineUnavailable("The model stopped.")) for request in waiting]

    # -- who is in -------------------------------------------------------------------------------------------------
    def _drop_cancelled_and_late(self, events: Events) -> None:
        now = self._clock()
        with self._lock:
            cancelled, self._cancelled = self._cancelled, set()
            waiting = list(self._queue.in_order())
            gone = [one for one in waiting if one in cancelled or one.deadline <= now]
            for request in gone:
                self._queue.remove(request)
        for request in gone:
            events.append((request, _never_begun(request, "cancelled" if request in cancelled else "deadline")))
        for stream in [*self._active, *self._preempted]:
            if stream.request in cancelled:
                self._end(stream, "cancelled", events)
            elif stream.request.deadline <= now:
                self._end(stream, "deadline", events)

    def _admit(self, events: Events) -> None:
        while len(self._active) < self.limits.streams:
            if self._preempted:
                stream = self._preempted.popleft()
                self._places.give(stream, self._active)
            else:
                with self._lock:
                    request = self._queue.pop() if len(self._queue) else None
                if request is None:
                    break
                try:
                    stream = self._begin(request)
                except InferenceError as error:  # what it asks for cannot be done
                    events.append((request, error))
                    continue
                events.append((request, Progress(0, stream.cached, len(request.prompt))))
            self._active.append(stream)
        self._announce(events)

    def _announce(self, events: Events) -> None:
        """Tells those who wait how many are before them, when that changed."""
        with self._lock:
            places = {request: n + len(self._active) for n, request in enumerate(self._queue.in_order())}
            changed = [one for one, place in places.items() if self._positions.get(one) != place]
            self._positions = places
        for request in changed:
            expected = self._pace.expected_wait_s(places[request], self.limits.streams)
            events.append((request, Progress(places[request], expected_s=expected)))

    def _begin(self, request: Request) -> Stream:
        room = self._context.sequence_tokens - len(request.prompt)
        stream = Stream(
            request,
            held=self._sequences.all[0],  # `give` finds the right one
            sampler=self._context.sampler(request.sampling),
            out=TextOut(request.sampling.stop),
            most=min(request.sampling.max_tokens, room),
            lookup=PromptLookup(request.prompt) if self.limits.lookup and self._places.takes_back else None,
            tokens=list(request.prompt),
        )
        self._places.give(stream, self._active)
        stream.cached = len(stream.held.tokens)
        return stream

    # -- one batch -------------------------------------------------------------------------------------------------
    def _decode(self, rows: list[Row], report: StepReport) -> bool:
        begun = time.perf_counter()
        try:
            self._context.decode(rows)
        except NoRoom:
            self._make_room(report.events)
            return False
        except DecodeFailed as error:
            self._start_over(error, report.events)
            return False
        report.decode_s = time.perf_counter() - begun
        read = {s.held.number for s in self._active if s.reads}
        report.prompt_rows = sum(row.sequence in read for row in rows)
        self._pace.observe(len(rows) - report.prompt_rows, report.prompt_rows, report.decode_s)
        return True

    def _read(self, stream: Stream) -> Progress:
        prompt = len(stream.request.prompt)
        return Progress(0, min(len(stream.held.tokens), prompt), prompt)

    def _sample(self, picks: list[Pick], report: StepReport) -> None:
        begun = time.perf_counter()
        for pick in picks:
            reason = self._sample_stream(pick)
            report.decoding += 1
            if reason is not None:
                self._end(pick.stream, reason, report.events)
            elif piece := pick.stream.piece():
                report.events.append((pick.stream.request, piece))
        report.sample_s = time.perf_counter() - begun

    def _sample_stream(self, pick: Pick) -> Reason | None:
        """Keeps each draft that sampling chooses as well; the first other choice takes its place."""
        stream, right = pick.stream, 0
        reason: Reason | None = None
        for n in range(len(pick.drafts) + 1):
            chosen = stream.sampler.sample(pick.row + n)
            reason = stream.take(chosen, self._context)
            if n == len(pick.drafts) or chosen.token != pick.drafts[n] or reason is not None:
                break
            right += 1
        if pick.drafts:
            stream.drafted += len(pick.drafts)
            stream.accepted += right
            if stream.lookup is not None:
                stream.lookup.learn(len(pick.drafts), right)
            self._places.forget(stream.held, len(stream.held.tokens) - len(pick.drafts) + right)
        return reason

    # -- ends and failures -----------------------------------------------------------------------------------------
    def _end(self, stream: Stream, reason: Reason, events: Events) -> None:
        if piece := stream.piece(last=True):
            events.append((stream.request, piece))
        events.append((stream.request, stream.ended(reason)))
        self._pace.served(time.monotonic() - stream.begun)
        self._leave(stream)

    def _leave(self, stream: Stream) -> None:
        """What it computed stays for prompts that begin in the same way."""
        if stream in self._active:
            self._active.remove(stream)
            stream.held.busy = False
            self._sequences.touch(stream.held)
        else:
            self._preempted.remove(stream)
        stream.sampler.close()

    def _make_room(self, events: Events) -> None:
        """First what nobody uses, then the stream that came last: it goes on when there is room again."""
        if idle := self._sequences.idle_with_tokens():
            for held in idle:
                self._places.forget(held, 0)
            return
        youngest = self._active[-1]
        if len(self._active) == 1:
            self._leave(youngest)
            events.append((youngest.request, EngineUnavailable("There is not enough memory for this answer.")))
            return
        log.warning("scheduler.preempted", tokens=len(youngest.tokens))
        self._active.remove(youngest)
        self._places.forget(youngest.held, 0)
        youngest.held.busy = False
        youngest.leader = None
        self._preempted.append(youngest)

    def _start_over(self, error: DecodeFailed, events: Events) -> None:
        """What is in the context is unknown: prompts and answers so far are computed again, once."""
        log.error("scheduler.decode_failed", error=str(error), streams=len(self._active))
        self._context.clear()
        for held in self._sequences.all:
            held.tokens.clear()
        for stream in list(self._active):
            stream.leader = None
            if stream.retried:
                self._leave(stream)
                events.append((stream.request, EngineUnavailable("The model failed.", detail=str(error))))
            stream.retried = True


def _never_begun(request: Request, reason: Reason) -> Ended:
    return Ended(reason, len(request.prompt), 0, 0)
