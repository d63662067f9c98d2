"""The route that stands without any row: the default model, then the endpoint of the settings."""

from __future__ import annotations

from collections.abc import Sequence

from inference.config import InferenceConfig
from inference.engine import Embed, Engine
from inference.routing.plan import Candidate, Catalogue, Plan
from inference.routing.pool import BUILT_IN, EnginePool
from inference.routing.router import Router


class Fixed:
    """A source of routes that never change."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def current(self) -> Catalogue:
        return self._catalogue


def built_in_tiers(pool: EnginePool, local: Candidate | None) -> tuple[tuple[Candidate, ...], ...]:
    """`local`: the model of this house, where one may be asked."""
    tiers = []
    if local is not None and local.copies:
        tiers.append((local,))
    if endpoint := pool.of_settings():
        tiers.append((Candidate(endpoint.name, (endpoint,)),))
    return tuple(tiers)


def choice_of_service(pool: EnginePool) -> Candidate:
    return Candidate("default", pool.local())


def without_registry(pool: EnginePool) -> Catalogue:
    return Catalogue((Plan(BUILT_IN, built_in_tiers(pool, choice_of_service(pool))),), pool.last)


def build_router(config: InferenceConfig, embed: Embed) -> Router:
    return Router(Fixed(without_registry(EnginePool(config, embed))))


def in_order(engines: Sequence[Engine]) -> Router:
    """These engines, one after the other; the last one is the last resort."""
    *before, last = engines
    tiers = tuple((Candidate(engine.name, (engine,)),) for engine in before)
    return Router(Fixed(Catalogue((Plan(BUILT_IN, tiers),), last)))
