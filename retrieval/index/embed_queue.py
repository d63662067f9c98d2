"""One embedder for everybody: questions first, bulk work in what is left, and a bound on what may wait."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future

import numpy as np

from retrieval.contracts import Embedder, Vectors
from retrieval.errors import IndexUnavailable
from retrieval.index.freed_memory import give_back

_Job = tuple[list[str], Embedder, Future[Vectors]]
_IDLE_S = 5.0
_STEP = 8  # texts of bulk work between two looks at the queue: a question waits for one such step


class EmbedderBusy(IndexUnavailable):
    code = "embedder_busy"
    user_message = "The embedder has more work than it can take."
    advice = "Try again in a few seconds."


class EmbedQueue:
    """Whichever model a text is for: all of them share the processors."""

    def __init__(self, *, waiting: int = 256) -> None:
        self._questions: queue.Queue[_Job] = queue.Queue(waiting)
        self._bulk: queue.Queue[_Job] = queue.Queue(16)
        self._wake = threading.Semaphore(0)
        threading.Thread(target=self._run, name="embedder", daemon=True).start()

    def submit(self, texts: Sequence[str], embedder: Embedder, *, bulk: bool) -> Future[Vectors]:
        """-> a future of (len(texts), dimension) float32. Raises EmbedderBusy."""
        future: Future[Vectors] = Future()
        try:
            (self._bulk if bulk else self._questions).put_nowait((list(texts), embedder, future))
        except queue.Full:
            raise EmbedderBusy from None
        self._wake.release()
        return future

    def depth(self) -> dict[str, int]:
        """Requests that wait, by their kind."""
        return {"question": self._questions.qsize(), "bulk": self._bulk.qsize()}

    def _run(self) -> None:
        untidy = True  # loading the model left freed memory behind as well
        while True:
            if not self._wake.acquire(timeout=_IDLE_S if untidy else None):
                give_back()
                untidy = False
                continue
            untidy = True
            if self._answer_question():
                continue
            texts, embedder, future = self._bulk.get()
            self._embed(texts, embedder, future, step=_STEP, yielding=True)

    def _answer_question(self) -> bool:
        try:
            texts, embedder, future = self._questions.get_nowait()
        except queue.Empty:
            return False
        self._embed(texts, embedder, future, step=len(texts), yielding=False)
        return True

    def _embed(
        self, texts: list[str], embedder: Embedder, future: Future[Vectors], *, step: int, yielding: bool
    ) -> None:
        if not future.set_running_or_notify_cancel():
            return
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # equal lengths together: little padding
        result = np.zeros((len(texts), embedder.dimension), dtype=np.float32)
        try:
            for start in range(0, len(texts), max(step, 1)):
                rows = order[start : start + step]
                result[rows] = embedder.embed([texts[i] for i in rows])
                while yielding and self._questions.qsize() and self._wake.acquire(blocking=False):
                    self._answer_question()
            future.set_result(result)
        except Exception as error:  # noqa: BLE001 - the outermost loop of this thread: the caller gets the error
            future.set_exception(error)
