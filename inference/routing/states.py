"""What this process knows of each engine: breaker, load, and what it said of its health."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from inference.engine import Engine
from inference.health import KnownHealth
from inference.routing import metrics
from inference.routing.breaker import Breaker
from inference.routing.failures import FailureLog
from inference.routing.load import Load, least_loaded_first

log = structlog.get_logger(__name__)
T = TypeVar("T")


@dataclass
class EngineState:
    breaker: Breaker = field(default_factory=Breaker)
    load: Load = field(default_factory=Load)
    failures: FailureLog = field(default_factory=FailureLog)
    problem: str = ""  # as last logged


def _counted(name: str) -> Callable[[bool], None]:
    gauge = metrics.OPEN.labels(name)  # kept: an engine may change its name

    def changed(open_now: bool) -> None:
        gauge.inc(1 if open_now else -1)

    return changed


class EngineStates:
    """By engine, not by name: copies of a service share theirs."""

    def __init__(self) -> None:
        self._states: dict[Engine, EngineState] = {}
        self._health = KnownHealth()

    def __getitem__(self, engine: Engine) -> EngineState:
        if engine not in self._states:
            self._states[engine] = EngineState(Breaker(_counted(engine.name)))
        return self._states[engine]

    def keep(self, engines: Sequence[Engine]) -> None:
        """Forgets engines that no route has any more and that answer nobody."""
        kept = set(engines)
        for engine in [one for one, state in self._states.items() if one not in kept and not state.load.outstanding]:
            self._states.pop(engine).breaker.succeed()  # what is gone is not counted as open
        self._health.keep(kept | set(self._states))

    def least_loaded_first(self, copies: Sequence[T], engine_of: Callable[[T], Engine]) -> list[T]:
        """Before all others, a copy whose time has come to be tried again: else it would wait until they are busy."""
        if len(copies) < 2:
            return list(copies)
        states = [self[engine_of(one)] for one in copies]
        order = least_loaded_first([state.load for state in states])
        return [copies[position] for position in sorted(order, key=lambda position: not states[position].breaker.due)]

    async def problem(self, engine: Engine) -> str:
        """'' when it says that it can answer. Logs what changed, not each question that passes an engine by."""
        problem = await self._health.problem(engine)
        state = self[engine]
        if state.problem != problem:
            log.info("route.skipped" if problem else "route.back", engine=engine.name, problem=problem)
            state.problem = problem
        return problem
