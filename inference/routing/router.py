"""The engine of a web process: picks a route for each question and sends it along the route's line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Protocol

from inference.engine import Engine, Generation, Piece
from inference.engines.local import NAMELESS
from inference.errors import InferenceError
from inference.routing.attempt import Attempted, Choice, Observe
from inference.routing.conditions import without_budget
from inference.routing.describing import EngineStatus, described
from inference.routing.following import Followed
from inference.routing.notes import about
from inference.routing.plan import Catalogue, Plan
from inference.routing.relay import STAYS, Relay
from inference.routing.selection import choices, line_up, preferred_first
from inference.routing.states import EngineStates

_AT_ONCE_S = 0.5  # for what decides nothing
_NAMED = 3  # of those that are not meant for a question


class UnknownRoute(InferenceError):
    code, http_status = "model_not_found", 404
    user_message = "There is no route or model of that name."
    advice = "`GET /v1/models` lists them."


class Source(Protocol):
    async def current(self) -> Catalogue:
        """Cheap: it is asked for each question."""


@dataclass(frozen=True, slots=True)
class Explained:
    """One engine's place in the line of a question: `passed_by` is '' when it is asked in its turn."""

    engine: str
    passed_by: str
    canary: bool = False


def _unobserved(_: object) -> None:
    pass


class Router:
    def __init__(self, source: Source, observe: Observe = _unobserved) -> None:
        self._source, self._observe = source, observe
        self._states = EngineStates()

    async def catalogue(self) -> Catalogue:
        catalogue = await self._source.current()
        self._states.keep(catalogue.engines())
        return catalogue

    async def stream(self, asked: Generation, followed: Followed | None = None) -> AsyncIterator[Piece]:
        """A Writer stands before the pieces of each engine. `followed` is told what becomes of each. Raises
        UnknownRoute, or the error of the last engine."""
        catalogue = await self.catalogue()
        plan = _plan(catalogue, asked.route)
        line = [*self._line(catalogue, plan, asked)]
        followed = followed or Followed()
        followed.begin(plan.name, _not_meant(plan, asked), (copies[0].engine.name for copies in line if copies))
        relay = Relay(
            line,
            asked,
            self._states,
            route=plan.name,
            observe=_both(followed.ended, self._observe),
            followed=followed,
            hedge_after_s=plan.hedge_after_s,
            left_out=lambda: "" if asked.prefers == catalogue.last.name else _left_out(plan, asked),
        )
        async with aclosing(relay.stream()) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                yield piece

    def _line(self, catalogue: Catalogue, plan: Plan, asked: Generation) -> Iterator[tuple[Choice, ...]]:
        last = (Choice(catalogue.last),)
        if asked.prefers and asked.prefers != catalogue.last.name:
            yield from preferred_first([*choices(plan, asked)], asked.prefers)
        elif not asked.prefers:
            yield from choices(plan, asked)
        yield last

    async def named(self, name: str) -> str:
        """The route of that name, or the engine as a route; "" is the default one. Raises UnknownRoute."""
        return _plan(await self.catalogue(), name).name

    async def names(self) -> list[str]:
        """Routes, the default one first, then engines."""
        catalogue = await self.catalogue()
        engines = (engine.name for engine in catalogue.engines() if engine.name != NAMELESS)  # no model is known there
        return list(dict.fromkeys([*(one.name for one in catalogue.plans), *engines]))

    async def first(self, asked: Generation) -> Choice:
        """Who would be asked first if the question came now, as far as is known at once."""
        catalogue = await self.catalogue()
        plan = _plan(catalogue, asked.route)
        for copies in self._line(catalogue, plan, asked):
            for choice in copies:
                with suppress(TimeoutError):  # an engine that hangs when it is asked how it is
                    async with asyncio.timeout(_AT_ONCE_S):
                        if not await self._passed_by(choice.engine, asked):
                            return choice
        return Choice(catalogue.last)

    async def explain(self, asked: Generation) -> list[Explained]:
        """The whole line, and why some are passed by. Raises UnknownRoute."""
        catalogue = await self.catalogue()
        plan = _plan(catalogue, asked.route)
        found = []
        for place in line_up(plan, asked):
            new = place.split is not None and place.candidate is place.split.new
            for engine in place.candidate.copies:
                why = place.passed_by or await self._passed_by(engine, asked)
                found.append(Explained(engine.name, why, canary=new))
        return [*found, Explained(catalogue.last.name, "")]

    async def _passed_by(self, engine: Engine, asked: Generation) -> str:
        if asked.in_house and engine.outside:
            return STAYS
        return await self._problem(engine)

    # -- for people ----------------------------------------------------------------------------------------------------
    async def describe(self, *, administrator: bool = False) -> list[EngineStatus]:
        """`administrator`: with the names of routes and what is left of budgets."""
        catalogue = await self.catalogue()
        engines = catalogue.engines()
        problems = await asyncio.gather(*(self._problem(engine) for engine in engines))
        return described(catalogue, dict(zip(engines, problems, strict=True)), administrator=administrator)

    async def _problem(self, engine: Engine) -> str:
        """One that failed a moment ago does not answer now, whatever it says of itself."""
        problem = await self._states.problem(engine)
        breaker = self._states[engine].breaker
        if problem or breaker.state == "closed":
            return problem
        return f"{about('It', breaker.why)} It is asked again soon."


def _plan(catalogue: Catalogue, name: str) -> Plan:
    plan = catalogue.plan(name)
    if plan is None:
        raise UnknownRoute
    return plan


def _both(first: Observe, second: Observe) -> Observe:
    def observe(attempted: Attempted) -> None:
        first(attempted)
        second(attempted)

    return observe


def _not_meant(plan: Plan, asked: Generation) -> Iterator[tuple[str, str]]:
    """Those whose conditions the question does not meet, as everybody may read it."""
    for place in line_up(plan, asked):
        if place.passed_by:
            copies = place.candidate.copies
            yield copies[0].name if copies else place.candidate.name, without_budget(place.passed_by)


def _left_out(plan: Plan, asked: Generation) -> str:
    """Why none of the route's candidates was asked; '' where it has none."""
    passed_by = [place for place in line_up(plan, asked) if place.passed_by]
    why = dict.fromkeys(about(place.candidate.name, without_budget(place.passed_by)) for place in passed_by)
    return " ".join([*why][:_NAMED])
