"""Routes as the router walks them: values, without database."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from uuid import UUID

from inference.engine import Engine
from inference.routing.conditions import Conditions


@dataclass(frozen=True, slots=True)
class Candidate:
    """One version, on one or more copies of its service."""

    name: str
    copies: tuple[Engine, ...]
    version: UUID | None = None
    share: int = 1
    conditions: Conditions = field(default_factory=Conditions)
    budget_percent: float | None = None  # of the month's that is left; None: no bound


@dataclass(frozen=True, slots=True)
class Split:
    """A running roll-out: `share` (0..1) of the people whom `current` would serve are served by `new`."""

    rollout: UUID
    current: UUID
    new: Candidate
    share: float


@dataclass(frozen=True, slots=True)
class Plan:
    name: str
    tiers: tuple[tuple[Candidate, ...], ...]  # asked one after the other; those of one tier share the people
    split: Split | None = None
    hedge_after_s: float = 0.0  # 0: never
    description: str = ""

    def candidates(self) -> tuple[Candidate, ...]:
        """In their order. The new version of a roll-out stands behind them, once for each place that it shares."""
        own = tuple(one for tier in self.tiers for one in tier)
        if self.split is None:
            return own
        new, current = self.split.new, self.split.current
        return (*own, *(replace(new, conditions=one.conditions) for one in own if one.version == current))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that can be asked at a time. The default route is the first; `last` stands behind every route."""

    plans: tuple[Plan, ...]
    last: Engine

    def plan(self, name: str) -> Plan | None:
        """A route, or one engine as a route of its own, by its version's name or the wire's ("api: NAME"); "" is the
        default route."""
        if not name:
            return self.plans[0]
        if found := next((plan for plan in self.plans if plan.name == name), None):
            return found
        if name == self.last.name:
            return Plan(name, ())
        places = [one for plan in self.plans for one in plan.candidates() if one.copies and _is_named(one, name)]
        return Plan(places[0].copies[0].name, _named(places)) if places else None

    def candidates(self) -> tuple[Candidate, ...]:
        """Each version once."""
        found: dict[object, Candidate] = {}
        for plan in self.plans:
            for candidate in plan.candidates():
                found.setdefault(candidate.copies, candidate)
        return tuple(found.values())

    def engines(self) -> tuple[Engine, ...]:
        return (*(engine for one in self.candidates() for engine in one.copies), self.last)


def _is_named(candidate: Candidate, name: str) -> bool:
    return name in (candidate.name, *(engine.name for engine in candidate.copies))


def _named(places: list[Candidate]) -> tuple[tuple[Candidate, ...], ...]:
    """All places of one version, on whatever route, so that its name opens no door that every route keeps shut.

    Whoever names it has chosen it for the question; but where one place is for other people or other collections than
    another, each holds as it stands.
    """
    named = [replace(one, conditions=one.conditions.when_named()) for one in places]
    if len({one.conditions for one in named}) == 1:
        return ((named[0],),)
    return tuple((one,) for one in {one.conditions: one for one in reversed(places)}.values())[::-1]
