"""What people are told of the engines: whether each can answer, for whom it is asked, and what mends it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from inference.engine import Engine
from inference.engines.local import NO_MODEL, LocalEngine
from inference.routing.conditions import without_budget
from inference.routing.plan import Candidate, Catalogue, Plan, Split

_ADD_MODEL = "Add a model with `manage.py models pull` or `models add`{}."
_OR_ENDPOINT = ", or name an endpoint in INFERENCE_API_BASE_URL"
_MEND_SERVICE = "The log of the model service says why."
_MEND_ENDPOINT = (
    "Check that it runs, and what {} of it. The log of the web process names its failures (`route.failover`)."
)
_SETTINGS = "INFERENCE_API_BASE_URL and INFERENCE_API_KEY, or the registry of models, say"
_REGISTRY = "the registry of models says"


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """`meant_for`: '' where it is asked whatever the question is. `place`: in the line of the default route, where it
    is asked by everybody for everything; None: nowhere. `elsewhere`: the default route does not ask it.
    """

    name: str
    outside: bool
    problem: str
    advice: str = ""
    meant_for: str = ""
    elsewhere: bool = False
    place: int | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A candidate in its place, and `part`: of the people there, '' for all of them."""

    place: int
    candidate: Candidate
    part: str = ""

    @property
    def spent(self) -> str:
        return self.candidate.conditions.spent(self.candidate.budget_percent)

    def meant_for(self, *, administrator: bool) -> str:
        parts = (self.candidate.conditions.meant_for(administrator=administrator), self.part)
        return ", ".join(part for part in parts if part)


def described(catalogue: Catalogue, problems: dict[Engine, str], *, administrator: bool) -> list[EngineStatus]:
    """Those of the default route first, in its order, up to the last resort. Administrators are also told the names
    of routes and what is left of budgets.
    """
    endpoints = any(engine.outside for engine in catalogue.engines())
    line = _line(catalogue.plans[0])
    found = []
    for engine in catalogue.engines():
        asked = [one for one in line if engine in one.candidate.copies]
        last = engine is catalogue.last
        problem, advice = problems[engine], advice_for(engine, problems[engine], endpoints=endpoints)
        if not problem and asked and all(one.spent for one in asked):
            problem, advice = asked[0].spent if administrator else without_budget(asked[0].spent), ""
        elsewhere = not asked and not last
        meant = _elsewhere(catalogue, engine, administrator) if elsewhere else _meant_for(asked, administrator)
        place = len(catalogue.plans[0].tiers) if last else _place(asked)
        found.append(EngineStatus(engine.name, engine.outside, problem, advice, meant, elsewhere, place))
    return sorted(found, key=lambda one: one.elsewhere)


def answering(found: list[EngineStatus]) -> list[EngineStatus]:
    """Who would be asked first now, whatever the question is: several where they share the people."""
    able = [one for one in found if one.place is not None and not one.problem]
    first = min((one.place for one in able if one.place is not None), default=None)
    return [one for one in able if one.place == first]


def advice_for(engine: Engine, problem: str, *, endpoints: bool) -> str:
    if not problem:
        return ""
    if problem == NO_MODEL:
        return _ADD_MODEL.format("" if endpoints else _OR_ENDPOINT)
    if isinstance(engine, LocalEngine):
        return _MEND_SERVICE
    return _MEND_ENDPOINT.format(_SETTINGS if engine.outside else _REGISTRY)


def _line(plan: Plan) -> list[_Asked]:
    places = [(place, tier, one) for place, tier in enumerate(plan.tiers) for one in tier]
    return [asked for place, tier, one in places for asked in _both(plan.split, place, tier, one)]


def _both(split: Split | None, place: int, tier: Sequence[Candidate], candidate: Candidate) -> Iterator[_Asked]:
    """It, and the new version where a roll-out gives it a part of its people."""
    shares = sum(one.share for one in tier)
    yield _Asked(place, candidate, f"for {candidate.share / shares:.0%} of the people first" if len(tier) > 1 else "")
    if split and split.current == candidate.version:
        new = replace(split.new, conditions=candidate.conditions)
        yield _Asked(place, new, f"for {split.share:.0%} of the people, in a roll-out")


def _meant_for(asked: list[_Asked], administrator: bool) -> str:
    meant = [one.meant_for(administrator=administrator) for one in asked]
    return "" if "" in meant else "; or ".join(dict.fromkeys(meant))


def _place(asked: list[_Asked]) -> int | None:
    return next((one.place for one in asked if not (one.spent or one.candidate.conditions.restrict())), None)


def _elsewhere(catalogue: Catalogue, engine: Engine, administrator: bool) -> str:
    _, *others = catalogue.plans
    names = [plan.name for plan in others if any(engine in one.copies for one in plan.candidates())]
    if administrator and names:
        return f"for programs that name the route {' or '.join(names)}"
    return f"for programs that name {'its route' if names else 'it'}"
