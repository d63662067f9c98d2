"""Which models the chat page asks, as far as the registry and the settings tell without asking any; and a new one is
put where the page asks it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count, groupby
from operator import attrgetter
from pathlib import Path
from typing import cast
from uuid import UUID

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import Max, Q

from inference import audit, registry
from inference.endpoints import key_missing
from inference.models import Candidate, ModelVersion, Rollout, Route
from inference.routing.pool import BUILT_IN

_NAME = "page"


@dataclass(frozen=True, slots=True)
class Placed:
    """On the route of the page: behind `after`, else before `before`; alone where there is neither."""

    on_route: bool = True  # False: the endpoint of the settings goes on being asked
    after: ModelVersion | None = None
    before: ModelVersion | None = None


def page_route() -> Route | None:
    """The one of the chat page; None where no row stands for it."""
    of_the_page = Route.objects.filter(Q(default=True) | Q(name=BUILT_IN), enabled=True)
    return of_the_page.order_by("-default").first()


def placed_on(route: Route | None) -> list[ModelVersion]:
    """Those that can be asked there, in order; without any, the route asks what is asked without it."""
    if route is None:
        return []
    placed = ModelVersion.objects.filter(state=ModelVersion.State.READY, candidates__route=route)
    return list(dict.fromkeys(placed.order_by("candidates__position")))


def asked_versions() -> list[ModelVersion]:
    """In the order in which they are asked."""
    ready = ModelVersion.objects.filter(state=ModelVersion.State.READY)
    return placed_on(page_route()) or list(ready.filter(default=True))


def standings() -> dict[UUID, int]:
    """Of each version that is asked: in which turn, by its id. Those of one position share a turn."""
    route = page_route()
    if route is None or not placed_on(route):
        return {version.pk: 1 for version in asked_versions()}
    turns: dict[int, int] = {}
    found: dict[UUID, int] = {}
    for version, position in route.candidates.asked_by_people().values_list("version", "position"):
        found.setdefault(version, turns.setdefault(position, len(turns) + 1))
    return found


def trial() -> Rollout | None:
    """The roll-out that runs on the route of the page: its new version is asked by a share of the people."""
    route = page_route()
    if route is None:
        return None
    return Rollout.objects.filter(route=route, state=Rollout.State.RUNNING).first()


def leads(version: ModelVersion) -> bool:
    """Whether nobody is asked before it, or in turn with it, whatever the question is."""
    if [one for one, turn in standings().items() if turn == 1] != [version.pk]:
        return False
    route = page_route()
    if route is None or not placed_on(route):
        return True
    first = route.candidates.asked_by_people().values_list("position", flat=True)[:1]
    return route.candidates.for_everybody().filter(version=version, position=first).exists()


def asked_in_house() -> ModelVersion | None:
    """One in the house that is asked as long as nothing else is put first; None where all goes outside before it."""
    route = page_route()
    if route is None or not placed_on(route):
        return next((one for one in asked_versions() if not one.outside), None)
    for_everybody = set(route.candidates.for_everybody().values_list("pk", flat=True))
    rows = route.candidates.asked_by_people().select_related("version")
    for _, together in groupby(rows, key=attrgetter("position")):
        beside = list(together)
        if inside := [one.version for one in beside if not one.version.outside]:
            return inside[0]
        if any(one.pk in for_everybody for one in beside):
            return None
    return None


def asks_settings() -> bool:
    """Whether the endpoint of the settings stands on the route of the chat page."""
    return bool(settings.INFERENCE.api_base_url) and not placed_on(page_route())


def trouble(version: ModelVersion) -> str:
    """Why it cannot answer, as far as this machine knows; '' where nothing is known to be wrong."""
    if version.kind != ModelVersion.Kind.FILE:
        return key_missing(version)
    if not Path(version.path).is_file():
        return "Its file is not on this machine."
    return registry.trouble_of(version)


def names(versions: Iterable[ModelVersion] | None = None) -> list[str]:
    """Of those that nothing is known to be wrong with."""
    found = [one.name for one in (asked_versions() if versions is None else versions) if not trouble(one)]
    return [*found, settings.INFERENCE.api_model] if asks_settings() else found


@transaction.atomic
def place(version: ModelVersion, *, by: AbstractBaseUser | None, first: bool = False) -> Placed:
    """On the route of the chat page: behind those that stand there. Where none does, before what is asked without a
    route, but for what is outside: that comes before what is in the house only by `first`. The endpoint of the settings
    is on no route: whoever set it there takes it out first."""
    if asks_settings():
        return Placed(on_route=False)
    route, before = page_route(), asked_versions()
    last = (route.candidates.aggregate(last=Max("position"))["last"] or 0) if route else 0
    change, stands_there = route is not None, placed_on(route)
    goes_behind = stands_there or (version.outside and not first and asked_in_house() is not None)
    added = [version] if stands_there else [*before, version] if goes_behind else [version, *before]
    route = route or Route.objects.create(
        name=_free_name(), default=True, description="What the chat page asks.", enabled=True
    )
    _stand(route, [(one, last + number) for number, one in enumerate(added, start=1)], by, change=change)
    if not before:
        return Placed()
    return Placed(after=before[-1]) if goes_behind else Placed(before=before[0])


@transaction.atomic
def put_first(version: ModelVersion, *, by: AbstractBaseUser | None) -> bool:
    """Before all that stand on the route of the chat page, which go on behind it. False: nothing is changed, for the
    endpoint of the settings is asked."""
    if not placed_on(page_route()):
        return place(version, by=by, first=True).on_route
    route = Route.objects.select_for_update().get(pk=cast(Route, page_route()).pk)
    own = _out_of_the_way(route, version)
    others = route.candidates.exclude(pk=own.pk)
    first, gap = _room(set(others.values_list("position", flat=True)))
    for row in others.filter(position__gte=first, position__lt=gap).order_by("-position"):
        route.candidates.filter(pk=row.pk).update(position=row.position + 1)
    own.position = first
    own.save(update_fields=["position"])
    named = list(dict.fromkeys(route.candidates.values_list("version__name", flat=True)))
    audit.record("route.changed", route.name, by, candidates=named)
    return True


def _out_of_the_way(route: Route, version: ModelVersion) -> Candidate:
    """Its place for everybody, at a position that nobody has: no two places of a version share one."""
    own = route.candidates.for_everybody().filter(version=version).first() or Candidate(route=route, version=version)
    taken = set(route.candidates.values_list("position", flat=True))
    _, gap = _room(taken)
    own.position = next(number for number in count(gap + 1) if number not in taken)
    own.save()
    return own


def _room(taken: set[int]) -> tuple[int, int]:
    """The first position, and the next one that is free: those between move by one."""
    first = min(taken, default=1)
    return first, next(number for number in count(first) if number not in taken)


def _stand(route: Route, placed: list[tuple[ModelVersion, int]], by: AbstractBaseUser | None, *, change: bool) -> None:
    for version, position in placed:
        Candidate.objects.create(route=route, version=version, position=position)
    named = [version.name for version, _ in placed]
    audit.record("route.changed" if change else "route.added", route.name, by, candidates=named)


def _free_name() -> str:
    taken = set(Route.objects.filter(name__startswith=_NAME).values_list("name", flat=True))
    return next(
        name
        for number in range(1, len(taken) + 2)
        if (name := f"{_NAME}-{number}" if number > 1 else _NAME) not in taken
    )
