"""What people are told of the engines: whether each can answer, for whom it is asked, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass

from inference.engine import Engine
from inference.engines.local import NO_MODEL, LocalEngine
from inference.routing.plan import Candidate, Catalogue, Plan

_ADD_MODEL = "Add a model with `manage.py models pull` or `models add`{}."
_OR_ENDPOINT = ", or name an endpoint in INFERENCE_API_BASE_URL"
_MEND_SERVICE = "The log of the model service, which `manage.py up` starts, says why."
_MEND_ENDPOINT = (
    "Check that it runs, and what {} of it. The log of the web process names its failures (`route.failover`)."
)
_SETTINGS = "INFERENCE_API_BASE_URL and INFERENCE_API_KEY, or the registry of models, say"
_REGISTRY = "the registry of models says"


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """`meant_for`: '' where it is asked whatever the question is. `elsewhere`: the default route does not ask it."""

    name: str
    outside: bool
    problem: str
    advice: str = ""
    meant_for: str = ""
    elsewhere: bool = False


def described(catalogue: Catalogue, problems: dict[Engine, str]) -> list[EngineStatus]:
    """Those of the default route first, in its order, up to the last resort."""
    default, *others = catalogue.plans
    endpoints = any(engine.outside for engine in catalogue.engines())
    found = []
    for engine in catalogue.engines():
        asked = [one for one in default.candidates() if engine in one.copies]
        elsewhere = not asked and engine is not catalogue.last
        problem, advice = problems[engine], advice_for(engine, problems[engine], endpoints=endpoints)
        spent = [one.conditions.spent(one.budget_percent) for one in asked]
        if not problem and spent and all(spent):
            problem, advice = spent[0], ""
        meant = _elsewhere(others, engine) if elsewhere else _meant_for(default, asked)
        found.append(EngineStatus(engine.name, engine.outside, problem, advice, meant, elsewhere))
    return sorted(found, key=lambda one: one.elsewhere)


def advice_for(engine: Engine, problem: str, *, endpoints: bool) -> str:
    if not problem:
        return ""
    if problem == NO_MODEL:
        return _ADD_MODEL.format("" if endpoints else _OR_ENDPOINT)
    if isinstance(engine, LocalEngine):
        return _MEND_SERVICE
    return _MEND_ENDPOINT.format(_SETTINGS if engine.outside else _REGISTRY)


def _meant_for(plan: Plan, asked: list[Candidate]) -> str:
    meant = [_share(plan, one) for one in asked]
    return "" if "" in meant else "; or ".join(dict.fromkeys(meant))


def _share(plan: Plan, candidate: Candidate) -> str:
    """With the part of the people, where several candidates share a place."""
    if plan.split and candidate is plan.split.new:
        return f"for {plan.split.share:.0%} of the people, in a roll-out"
    meant = candidate.conditions.meant_for()
    tier = next(tier for tier in plan.tiers if candidate in tier)
    if len(tier) == 1:
        return meant
    share = f"for {candidate.share / sum(one.share for one in tier):.0%} of the people first"
    return f"{meant}, {share}" if meant else share


def _elsewhere(plans: list[Plan], engine: Engine) -> str:
    names = [plan.name for plan in plans if any(engine in one.copies for one in plan.candidates())]
    return f"for programs that name the route {' or '.join(names)}"
