"""Routes as administrators set them, read from Postgres."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from uuid import UUID

import structlog
from django.db import DatabaseError

from inference import outcomes
from inference.engine import Engine
from inference.engines.build import EndpointDescription
from inference.models import Candidate as CandidateRow
from inference.models import ModelVersion, Rollout
from inference.models import Route as RouteRow
from inference.routing import language
from inference.routing.built_in import built_in_tiers, choice_of_service, without_registry
from inference.routing.conditions import Conditions
from inference.routing.plan import Candidate, Catalogue, Plan, Split
from inference.routing.pool import BUILT_IN, EnginePool

log = structlog.get_logger(__name__)

_FRESH_S = 2.0  # a change on the page is in force this soon
_READ_S = 3.0

InThread = Callable[[Callable[[], Catalogue]], Callable[[], Awaitable[Catalogue]]]


class StoredRoutes:
    """The catalogue of this process. What was read last serves while the database is away."""

    def __init__(self, pool: EnginePool, in_thread: InThread) -> None:
        self._pool = pool
        self._load = in_thread(lambda: load(pool))
        self._catalogue: Catalogue | None = None
        self._read_at = -_FRESH_S

    async def current(self) -> Catalogue:
        """While one caller reads anew, the others take what was read before."""
        now = time.monotonic()
        if now - self._read_at >= _FRESH_S:
            self._read_at = now if self._catalogue else self._read_at
            await self._read()
        return self._catalogue or without_registry(self._pool)

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(_READ_S):
                self._catalogue = await self._load()
            self._pool.forget_all_but(set(self._catalogue.engines()))
        except (DatabaseError, TimeoutError) as error:
            log.warning("routes.not_read", error=f"{type(error).__name__}: {error}"[:200])
        self._read_at = time.monotonic()


def load(pool: EnginePool) -> Catalogue:
    """Blocks. Routes without a usable candidate of their own are built-in ones."""
    versions = {one.pk: one for one in ModelVersion.objects.filter(state=ModelVersion.State.READY)}
    spent = outcomes.spent_this_month([pk for pk, one in versions.items() if one.monthly_budget is not None])
    reader = _Reader(pool, versions, spent)
    rows = RouteRow.objects.filter(enabled=True).prefetch_related("candidates__groups")
    rollouts = {one.route_id: one for one in Rollout.objects.filter(state=Rollout.State.RUNNING)}
    plans = [reader.plan(row, rollouts.get(row.pk)) for row in rows]
    if not any(row.default for row in rows):
        plans = _built_in_first(plans, reader)
    return Catalogue(tuple(plans), pool.last)


def _built_in_first(plans: list[Plan], reader: _Reader) -> list[Plan]:
    """A row of its name stands in its place: of two routes of one name the second would never be asked."""
    named = next((plan for plan in plans if plan.name == BUILT_IN), None) or reader.built_in()
    return [named, *(plan for plan in plans if plan.name != BUILT_IN)]


class _Reader:
    def __init__(self, pool: EnginePool, versions: dict[UUID, ModelVersion], spent: dict[UUID, Decimal]) -> None:
        self._pool, self._versions, self._spent = pool, versions, spent

    def built_in(self) -> Plan:
        return Plan(BUILT_IN, self._built_in_tiers())

    def plan(self, row: RouteRow, rollout: Rollout | None) -> Plan:
        usable = [one for one in row.candidates.all() if one.version_id in self._versions]
        positions = sorted({one.position for one in usable})
        tiers = tuple(tuple(self._candidate(one) for one in usable if one.position == at) for at in positions)
        return Plan(
            name=row.name,
            tiers=tiers or self._built_in_tiers(),
            split=self._split(rollout),
            hedge_after_s=row.hedge_after_ms / 1000,
            description=row.description,
        )

    def _built_in_tiers(self) -> tuple[tuple[Candidate, ...], ...]:
        """A default model that was rejected or retired is passed by: what the service would choose instead has no
        version here, so that nobody could count its answers."""
        if default := next((one for one in self._versions.values() if one.default), None):
            return built_in_tiers(self._pool, self._plain(default))
        put_aside = ModelVersion.objects.filter(default=True).exists()
        return built_in_tiers(self._pool, None if put_aside else choice_of_service(self._pool))

    def _candidate(self, row: CandidateRow) -> Candidate:
        conditions = Conditions(
            tasks=frozenset(row.tasks),  # type: ignore[arg-type]
            least_characters=row.least_characters,
            most_characters=row.most_characters,
            languages=_prepared(frozenset(row.languages)),
            groups=frozenset(group.pk for group in row.groups.all()),
            sensitivity=row.sensitivity,  # type: ignore[arg-type]
            least_budget_percent=row.least_budget_percent,
        )
        return self._plain(self._versions[row.version_id], conditions, row.share)

    def _plain(self, version: ModelVersion, conditions: Conditions | None = None, share: int = 1) -> Candidate:
        return Candidate(
            name=version.name,
            copies=self._copies(version),
            version=version.pk,
            share=share,
            conditions=conditions or Conditions(),
            budget_percent=self._budget_percent(version),
        )

    def _split(self, rollout: Rollout | None) -> Split | None:
        """A new version that may not be used any more takes nobody."""
        if rollout is None or rollout.new_id not in self._versions:
            return None
        new = self._plain(self._versions[rollout.new_id])
        return Split(rollout.pk, rollout.current_id, new, rollout.share / 100)

    def _copies(self, version: ModelVersion) -> tuple[Engine, ...]:
        if version.kind == ModelVersion.Kind.FILE:
            return self._pool.local(version.name)
        described = EndpointDescription(
            name=f"{'api' if version.outside else 'house'}: {version.name}",
            kind=version.kind,  # type: ignore[arg-type]
            base_url=version.base_url.rstrip("/"),
            model=version.model,
            key=self._pool.config.keys.get(version.key_name, ""),
            outside=version.outside,
            api_version=version.api_version,
        )
        return (self._pool.endpoint(described),)

    def _budget_percent(self, version: ModelVersion) -> float | None:
        if version.monthly_budget is None:
            return None
        left = version.monthly_budget - self._spent.get(version.pk, Decimal(0))
        return float(100 * left / version.monthly_budget) if version.monthly_budget else 0.0


def _prepared(languages: frozenset[str]) -> frozenset[str]:
    """Here, in the thread that reads the rows, and not with the first question."""
    if languages:
        language.prepare(languages)
    return languages
