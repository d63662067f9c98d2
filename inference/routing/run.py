"""One engine at work on one answer, and the books that are kept of it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace

import structlog

from inference.engine import Finish, Generation, Piece, TextPiece, Usage
from inference.errors import EngineBusy, EngineUnavailable, InferenceError
from inference.prompts import estimate_prompt, estimate_tokens
from inference.routing import metrics
from inference.routing.attempt import Attempted, Choice, Observe
from inference.routing.credible import credible
from inference.routing.notes import about, model_of
from inference.routing.states import EngineState

log = structlog.get_logger(__name__)


class Run:
    """Begins at once. Whoever makes one ends it: by a Finish that it `saw`, `fail`, or `end`; then `close`."""

    def __init__(self, choice: Choice, asked: Generation, state: EngineState, route: str, observe: Observe) -> None:
        self.choice, self.engine = choice, choice.engine
        self.began = time.monotonic()
        self.pieces: AsyncIterator[Piece] = self.engine.stream(replace(asked, route=""))
        self._turn, self._route, self._state, self._observe = asked.turn_id, route, state, observe
        self._first: float | None = None
        self._latest = self.began
        self._usage: Usage | None = None
        self._asked, self._texts = asked, list[str]()
        self.finished = self.failed = False
        self._ended = False
        self.probing = state.breaker.begin()
        state.load.outstanding += 1
        self._under_way = metrics.UNDER_WAY.labels(self.engine.name)  # kept: an engine may change its name
        self._under_way.inc()

    def saw(self, piece: Piece) -> Piece:
        """-> what those who asked are given of it."""
        if isinstance(piece, TextPiece):
            self._texts.append(piece.text)
            self._latest = time.monotonic()
            if self._first is None:
                self._first = self._latest
                self._state.load.first_token_s.add(self._first - self.began)
        elif isinstance(piece, Finish):
            self._usage = self._believed(piece.usage)
            piece = replace(piece, usage=self._usage)
            self.finished = True
            self._state.load.errors.add(0.0)
            self._state.breaker.succeed()
            self._end("", failed=False)
        return piece

    def fail(self, error: InferenceError) -> str:
        """-> what people are told. A refusal of this one question says nothing of the engine's health."""
        self.failed = True
        if isinstance(error, EngineUnavailable | EngineBusy):
            self._state.load.errors.add(1.0)
        if isinstance(error, EngineUnavailable):
            self._state.breaker.fail(error.user_message, probe=self.probing)
        elif self.probing:
            self._state.breaker.give_up()
        self._end(error.code, failed=True)
        return about(model_of(self.engine), error.user_message)

    def end(self, code: str) -> None:
        """Nobody wants its text any more. Nothing happens when it has ended."""
        if self._ended:
            return
        if self.probing and code == "overtaken":
            self._state.breaker.overtake(time.monotonic() - self.began)
        elif self.probing:
            self._state.breaker.give_up()
        self._end(code, failed=False)

    async def close(self) -> None:
        """The engine stops at once."""
        await self.pieces.aclose()  # type: ignore[attr-defined]

    def _believed(self, said: Usage | None) -> Usage | None:
        """None: it is estimated. One lie could end a month's budget."""
        costs_nothing = said == Usage(0, 0) and not self.engine.outside  # quotations are no model's
        if said is None or costs_nothing or credible(said, self._asked, "".join(self._texts)):
            return said
        tokens = {"prompt_tokens": said.prompt_tokens, "completion_tokens": said.completion_tokens}
        log.warning("engine.usage_not_credible", engine=self.engine.name, turn=self._turn, **tokens)
        return None

    def _estimate(self) -> Usage:
        """Providers charge what they read and wrote, whether or not somebody heard the end of it."""
        return Usage(
            estimate_prompt(self._asked.messages) + estimate_tokens(self._asked.written),
            estimate_tokens("".join(self._texts)),
        )

    def _end(self, code: str, *, failed: bool) -> None:
        if self._ended:
            return
        self._ended = True
        self._state.load.outstanding -= 1
        first = self._first
        attempted = Attempted(
            turn_id=self._turn,
            route=self._route,
            engine=self.engine.name,
            version=self.choice.version,
            rollout=self.choice.rollout,
            failed=failed,
            code=code,
            first_token_ms=None if first is None else round((first - self.began) * 1000),
            writing_ms=0 if first is None else round((self._latest - first) * 1000),
            usage=self._usage,
            estimated=None if self._usage or (failed and first is None) else self._estimate(),
            asker=self._asked.asker,
        )
        self._under_way.dec()
        metrics.ended(attempted)
        self._observe(attempted)
