"""What the engines last said of themselves: the one place that keeps it."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from time import monotonic

from inference.engine import Engine

_INSIDE_S = 2.0  # a model that was just added answers the next question
_OUTSIDE_S = 30.0  # whoever looks at /readyz every second does not knock at a provider every second


@dataclass(frozen=True, slots=True)
class _Known:
    problem: str
    since: float


class KnownHealth:
    def __init__(self) -> None:
        self._known: dict[Engine, _Known] = {}

    async def problem(self, engine: Engine) -> str:
        """'' when it can answer. While one caller asks anew, the others take what was known."""
        known = self._known.get(engine)
        now = monotonic()
        if known and now - known.since < (_OUTSIDE_S if engine.outside else _INSIDE_S):
            return known.problem
        if known:
            self._known[engine] = _Known(known.problem, now)
        try:
            problem = await engine.health()
        except BaseException:  # the caller went away: the next one asks
            self._known.pop(engine, None)
            raise
        self._known[engine] = _Known(problem, monotonic())
        return problem

    def keep(self, engines: Set[Engine]) -> None:
        for engine in self._known.keys() - engines:
            del self._known[engine]
