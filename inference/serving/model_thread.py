"""A loaded model: one thread owns its context, and hands what happens to those who asked, once for each step."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from typing import Protocol

import structlog

from inference.batching.contract import DecodingContext, Ended, Event, Events, Piece, Request, StepReport
from inference.batching.scheduler import Limits, Scheduler
from inference.engine import Progress
from inference.errors import EngineUnavailable, InferenceError
from inference.serving.metrics import HAND_OVER, ModelMetrics

log = structlog.get_logger(__name__)

_CLOSE_S = 10.0


class ClosableContext(DecodingContext, Protocol):
    def close(self) -> None: ...


class ModelThread:
    def __init__(self, name: str, context: ClosableContext, limits: Limits) -> None:
        """To be made in the running loop that asks for answers."""
        self.name, self._context = name, context
        self.scheduler = Scheduler(context, limits)
        self._metrics = ModelMetrics(name, room=context.sequences * context.sequence_tokens)
        self.broken = False
        self._loop = asyncio.get_running_loop()
        self._listeners: dict[Request, asyncio.Queue[Event]] = {}
        self._condition = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"llama {name}", daemon=True)
        self._thread.start()

    async def stream(self, request: Request) -> AsyncIterator[Event]:
        """Its place in the queue first, then what happens, to the end. Closing the iterator frees the slot.

        Raises EngineBusy, ContextTooLong, BadRequest, EngineUnavailable.
        """
        if self.broken:
            raise EngineUnavailable("The model stopped.")
        events: asyncio.Queue[Event] = asyncio.Queue()  # bounded by max_tokens
        self._listeners[request] = events
        ended = False
        last, interval = time.monotonic(), self._metrics.first_token
        try:
            place = self._submit(request)
            yield place
            while not ended:
                event = await events.get()
                ended = isinstance(event, Ended | InferenceError)
                if isinstance(event, InferenceError):
                    raise event
                if isinstance(event, Piece):
                    now = time.monotonic()
                    interval.observe(now - last)
                    last, interval = now, self._metrics.between_tokens
                yield event
        finally:
            del self._listeners[request]
            if not ended:
                self.scheduler.cancel(request)
                self._wake()

    def _submit(self, request: Request) -> Progress:
        try:
            place = self.scheduler.submit(request)
        except InferenceError as error:
            self._metrics.refused(error)
            raise
        self._wake()
        return place

    def close(self) -> None:
        """Waits for the step that is running; those who wait for an answer are told. Blocks for seconds."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        self._thread.join(_CLOSE_S)

    def _wake(self) -> None:
        with self._condition:
            self._condition.notify()

    def _run(self) -> None:
        try:
            while self._wait_for_work():
                begun = time.perf_counter()
                report = self.scheduler.step()
                self._hand_over(report)
                self._metrics.observe(report, time.perf_counter() - begun)
        except Exception:
            log.exception("model.thread_failed", model=self.name)
        self.broken = True
        last = StepReport(events=self.scheduler.fail_all())
        self._hand_over(last)
        self._metrics.observe(last, 0.0)
        self._metrics.gone()
        self._context.close()

    def _wait_for_work(self) -> bool:
        with self._condition:
            self._condition.wait_for(lambda: self._closing or self.scheduler.has_work)
            return not self._closing

    def _hand_over(self, report: StepReport) -> None:
        if not report.events:
            return
        try:
            self._loop.call_soon_threadsafe(self._deliver, report.events, time.monotonic())
        except RuntimeError:  # the loop was closed: nobody listens any more
            log.info("model.nobody_listens", model=self.name)

    def _deliver(self, events: Events, since: float) -> None:
        HAND_OVER.observe(time.monotonic() - since)
        for request, event in events:
            if (listener := self._listeners.get(request)) is not None:
                listener.put_nowait(event)
