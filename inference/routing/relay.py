"""One answer on its way along a line of engines: failover before the first text and in the middle, and hedging."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from operator import attrgetter

from inference.engine import Generation, Piece, TextPiece, Writer
from inference.engines.local import NAMELESS, NO_MODEL
from inference.errors import InferenceError
from inference.routing.attempt import PASSED_BY, Attempted, Choice, Observe
from inference.routing.breaker import PROBE_S
from inference.routing.following import Followed
from inference.routing.notes import Notes, about, model_of
from inference.routing.race import Race
from inference.routing.run import Run
from inference.routing.states import EngineStates

STAYS = "A source may not leave the house, so outside endpoints were not asked."
_CHECK_S = 1.0  # an engine that hangs when it is asked how it is


class Relay:
    """`line`: choices one after the other, each on one or more copies. The last one is the last resort: asked whatever
    is known of it, and never only because others are slow.
    """

    def __init__(
        self,
        line: Iterable[Sequence[Choice]],
        asked: Generation,
        states: EngineStates,
        *,
        route: str,
        observe: Observe,
        hedge_after_s: float = 0.0,
        left_out: Callable[[], str] = str,
        followed: Followed | None = None,
    ) -> None:
        """`left_out`: what people are told where only the last resort was asked and nothing failed."""
        self._line = deque(list(copies) for copies in line)
        self._last, self._left_out = self._line[-1][-1].engine, left_out
        self._asked, self._states, self._route, self._observe = asked, states, route, observe
        self._hedge_after_s = hedge_after_s
        self._written = asked.written
        self._notes, self._followed = Notes(), followed or Followed()
        self._runs: list[Run] = []

    async def stream(self) -> AsyncIterator[Piece]:
        error = InferenceError("No engine can answer.")
        try:
            while (run := await self._next()) is not None:
                yield self._writer(run)
                try:
                    async with aclosing(self._answer(run)) as pieces:  # type: ignore[type-var]
                        async for piece in pieces:
                            if isinstance(piece, TextPiece):
                                self._written += piece.text
                            yield piece
                    return
                except InferenceError as failure:
                    error = failure
            raise error
        finally:
            for run in self._runs:  # the books of all first: closing may be broken off
                run.end("stopped")
            for run in self._runs:
                await run.close()

    # -- who is asked --------------------------------------------------------------------------------------------------
    async def _next(self, *, because_slow: bool = False) -> Run | None:
        while self._line and not (because_slow and len(self._line) == 1):
            choice = self._take()
            state = self._states[choice.engine]
            state.load.outstanding += 1  # at once, so that questions of the same moment are spread
            why: str | None = ""
            try:
                why = await self._passed_by(choice)
            finally:
                state.load.outstanding -= 1
            if why is None:
                asked = replace(self._asked, written=self._written)
                run = Run(choice, asked, state, self._route, self._observe)
                self._runs.append(run)
                return run
            self._notes.add(choice.engine, why)
            self._followed.passed_by(choice.engine.name, why)
            if why is not STAYS:
                self._count_passed_by(choice)
        return None

    def _take(self) -> Choice:
        copies = self._states.least_loaded_first(self._line[0], attrgetter("engine"))
        self._line[0].remove(copies[0])
        if not self._line[0]:
            self._line.popleft()
        return copies[0]

    async def _passed_by(self, choice: Choice) -> str | None:
        """None: it is asked. Otherwise what people are told of it, '' where there is nothing to tell."""
        engine = choice.engine
        if self._asked.in_house and engine.outside:
            return STAYS
        if not self._line:
            return None
        breaker = self._states[engine].breaker
        if not breaker.admits():
            return about(model_of(engine), breaker.why)
        probes, began = breaker.due, time.monotonic()
        if not (problem := await self._states.problem(engine)):
            return None if breaker.admits() else about(model_of(engine), breaker.why)
        if probes and time.monotonic() - began > _CHECK_S:  # the next question does not wait for it as well
            breaker.fail(problem, probe=True)
        return "" if problem == NO_MODEL or engine.name == NAMELESS else about(model_of(engine), problem)

    def _count_passed_by(self, choice: Choice) -> None:
        """In a comparison of two versions one that cannot be asked has failed, once none of its copies can."""
        left = self._line[0] if self._line else ()
        copies = [*left, *(run.choice for run in self._runs)]
        if choice.rollout is None or any(one.version == choice.version for one in copies):
            return
        self._observe(
            Attempted(
                turn_id=self._asked.turn_id,
                route=self._route,
                engine=choice.engine.name,
                version=choice.version,
                rollout=choice.rollout,
                failed=True,
                code=PASSED_BY,
                asker=self._asked.asker,
            )
        )

    def _writer(self, run: Run) -> Writer:
        note = self._notes.beside(run.engine)
        if run.engine is self._last and not note:
            note = self._left_out()
        return Writer(run.engine.name, note)

    def _failed(self, run: Run, error: InferenceError) -> None:
        why = run.fail(error)
        self._notes.add(run.engine, why)
        self._followed.failed(run.engine.name, why)
        self._states[run.engine].failures.log(run.engine.name, error, shown=len(self._written))

    # -- its text ------------------------------------------------------------------------------------------------------
    async def _answer(self, run: Run) -> AsyncIterator[Piece]:
        """Raises the InferenceError that ended the last of those that were asked at once."""
        after = self._hedge_after_s
        if run.probing:
            after = min(after or PROBE_S, PROBE_S)
        if after and len(self._line) > 1:
            race = Race(run, after, partial(self._next, because_slow=True), self._failed)
            async with aclosing(self._raced(race)) as pieces:  # type: ignore[type-var]
                async for piece in pieces:
                    yield piece
            run = race.winner
        if run.finished:
            return
        try:
            async for piece in run.pieces:
                yield run.saw(piece)
        except InferenceError as error:
            self._failed(run, error)
            raise

    async def _raced(self, race: Race) -> AsyncIterator[Piece]:
        """Only of the one that people were told of: another one is named as soon as it writes."""
        named = race.winner
        async with aclosing(race.pieces()) as pieces:  # type: ignore[type-var]
            async for run, piece in pieces:
                if run is not named and (run is race.winner or named.failed):
                    named = run
                    yield self._writer(run)
                if run is named:
                    yield piece
