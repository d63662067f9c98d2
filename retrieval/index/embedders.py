"""The embedding models of one index service: that of each version it holds, and whichever a new version needs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from retrieval.contracts import Embedder
from retrieval.errors import IndexUnavailable, RetrievalError

log = structlog.get_logger(__name__)

MOST = 4  # models in memory at once
IDLE_S = 600.0  # one that no version needs goes after so long without work
FAILED_S = 10.0  # a model that could not be loaded is not tried again sooner


class TooManyModels(IndexUnavailable):
    code = "too_many_models"
    user_message = "The index service holds as many embedding models as it may."
    advice = "Try again when the versions in the works are done."


@dataclass(slots=True)
class _Held:
    embedder: Embedder
    used_at: float


class Embedders:
    """Loads at first use; thread-safe. `needed` names the models that stay, worked with or not."""

    def __init__(self, load: Callable[[str], Embedder], needed: Callable[[], set[str]]) -> None:
        self._load, self._needed = load, needed
        self._held: dict[str, _Held] = {}
        self._failed: dict[str, tuple[float, RetrievalError]] = {}
        self._lock = threading.Lock()  # one is loaded at a time: each takes seconds and memory

    def known(self, model: str) -> Embedder | None:
        """One that is loaded; never waits."""
        held = self._held.get(model)
        if held is None:
            return None
        held.used_at = time.monotonic()
        return held.embedder

    def get(self, model: str) -> Embedder:
        """May take seconds. Raises what loading raises, EmbeddingModelMissing among it."""
        held = self.known(model)
        return self._loaded(model) if held is None else held

    def _loaded(self, model: str) -> Embedder:
        with self._lock:
            found = self.known(model)
            if found is not None:
                return found
            self._raise_again(model)
            self._drop_idle(0.0 if len(self._held) >= MOST else IDLE_S)
            if len(self._held) >= MOST:
                raise TooManyModels
            begun = time.monotonic()
            try:
                embedder = self._load(model)
            except RetrievalError as error:
                self._failed = {model: (time.monotonic(), error)}
                raise
            self._held[model] = _Held(embedder, time.monotonic())
            log.info("embedder.loaded", model=model, seconds=round(time.monotonic() - begun, 2))
            return embedder

    def _raise_again(self, model: str) -> None:
        at, error = self._failed.get(model, (0.0, None))
        if error is not None and time.monotonic() - at < FAILED_S:
            raise error

    def drop_idle(self) -> None:
        with self._lock:
            self._drop_idle(IDLE_S)

    def _drop_idle(self, idle_s: float) -> None:
        needed, now = self._needed(), time.monotonic()
        for model in [m for m, held in self._held.items() if m not in needed and now - held.used_at > idle_s]:
            del self._held[model]
            log.info("embedder.unloaded", model=model)
