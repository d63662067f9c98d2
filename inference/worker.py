"""One thread that owns the model, and a bounded queue in front of it."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from inference.config import InferenceConfig
from inference.engine import ChatMessage, Finish, Progress, TextPiece
from inference.errors import EngineBusy, EngineUnavailable, InferenceError

if TYPE_CHECKING:
    from inference.llama import LlamaModel, Sampling

log = structlog.get_logger(__name__)

WAITING = 16
Event = TextPiece | Progress | Finish | InferenceError


@dataclass(frozen=True, slots=True)
class LocalModel:
    """What the registry says of the default model."""

    name: str
    path: Path


@dataclass(eq=False)
class _Job:
    messages: Sequence[ChatMessage]
    sampling: Sampling
    deliver: Callable[[Event], None]
    stop: threading.Event = field(default_factory=threading.Event)


class ModelWorker:
    """Loads the default model at need; a change of the default takes effect between two answers."""

    def __init__(self, config: InferenceConfig, default: Callable[[], LocalModel | None]) -> None:
        self._config, self._default = config, default
        self._jobs: deque[_Job] = deque()
        self._condition = threading.Condition()
        self._answering = False
        self._loaded: tuple[LocalModel, LlamaModel] | None = None
        threading.Thread(target=self._run, name="llama", daemon=True).start()

    def default(self) -> LocalModel | None:
        return self._default()

    async def stream(self, messages: Sequence[ChatMessage], sampling: Sampling) -> AsyncIterator[Event]:
        """Raises EngineBusy at once when the queue is full. Closing the iterator stops the model."""
        loop = asyncio.get_running_loop()
        events: asyncio.Queue[Event] = asyncio.Queue()  # bounded by max_tokens
        job = _Job(messages, sampling, lambda event: _deliver(loop, events, event))
        self._submit(job)
        try:
            while True:
                event = await events.get()
                if isinstance(event, InferenceError):
                    raise event
                yield event
                if isinstance(event, Finish):
                    return
        finally:
            job.stop.set()
            self._withdraw(job)

    def waiting(self) -> int:
        return len(self._jobs)

    def _submit(self, job: _Job) -> None:
        with self._condition:
            if len(self._jobs) >= WAITING:
                raise EngineBusy(retry_after_s=5.0)
            self._jobs.append(job)
            job.deliver(Progress(queue_position=len(self._jobs) - 1 + self._answering))
            self._condition.notify()

    def _withdraw(self, job: _Job) -> None:
        """Somebody who went away holds no place in the queue."""
        with self._condition:
            if job in self._jobs:
                self._jobs.remove(job)
                self._announce()

    def _announce(self) -> None:
        """Tells those who wait how many are before them."""
        for position, waiting in enumerate(self._jobs):
            waiting.deliver(Progress(queue_position=position + self._answering))

    def _run(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._jobs)
                job = self._jobs.popleft()
                self._answering = True
                job.deliver(Progress(queue_position=0))
                self._announce()
            if not job.stop.is_set():
                self._answer(job)
            with self._condition:
                self._answering = False

    def _answer(self, job: _Job) -> None:
        try:
            for event in self._model().generate(job.messages, job.sampling, job.stop):
                job.deliver(event)
        except InferenceError as error:
            job.deliver(error)
        except Exception as error:
            log.exception("model.failed")
            job.deliver(EngineUnavailable(detail=str(error)))

    def _model(self) -> LlamaModel:
        wanted = self._default()
        if wanted is None:
            raise EngineUnavailable("No model is installed.", advice="Add one with `manage.py models pull` or `add`.")
        if self._loaded and self._loaded[0] == wanted:
            return self._loaded[1]
        if self._loaded:
            self._loaded[1].close()
            self._loaded = None
        from inference.llama import LlamaModel

        model = LlamaModel(wanted.path, context_tokens=self._config.context_tokens, threads=self._config.threads)
        self._loaded = (wanted, model)
        log.info("model.loaded", model=wanted.name, context=model.context_tokens)
        return model


def _deliver(loop: asyncio.AbstractEventLoop, events: asyncio.Queue[Event], event: Event) -> None:
    try:
        loop.call_soon_threadsafe(events.put_nowait, event)
    except RuntimeError:  # the loop is closed: the process is on its way out
        log.info("model.listener_gone")
