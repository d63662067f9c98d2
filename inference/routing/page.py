"""Which models the chat page asks, as far as the registry and the settings tell without asking any; and a new one is
put where the page asks it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import Max, Q

from inference import audit, registry
from inference.endpoints import key_missing
from inference.models import Candidate, ModelVersion, Route
from inference.routing.pool import BUILT_IN

_NAME = "page"
_FOR_EVERYBODY: dict[str, Any] = {  # a place without conditions: there it is asked whatever the question is
    "tasks": [],
    "least_characters": None,
    "most_characters": None,
    "languages": [],
    "groups": None,
    "sensitivity": Candidate.Sensitivity.ANY,
}


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
    turns: dict[int, int] = {}
    found: dict[UUID, int] = {}
    for version, position in _ready_places(page_route()):
        found.setdefault(version, turns.setdefault(position, len(turns) + 1))
    return found or {version.pk: 1 for version in asked_versions()}


def leads(version: ModelVersion) -> bool:
    """Whether nobody is asked before it, or in turn with it."""
    return [one for one, turn in standings().items() if turn == 1] == [version.pk]


def _ready_places(route: Route | None) -> Iterable[tuple[UUID, int]]:
    places = Candidate.objects.filter(route=route, version__state=ModelVersion.State.READY)
    return places.order_by("position").values_list("version", "position") if route else ()


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
def place(version: ModelVersion, *, by: AbstractBaseUser | None) -> Placed:
    """On the route of the chat page: behind those that stand there, else before what is asked without a route. The
    endpoint of the settings is on no route: whoever set it there takes it out first."""
    if asks_settings():
        return Placed(on_route=False)
    route, before = page_route(), asked_versions()
    last = (route.candidates.aggregate(last=Max("position"))["last"] or 0) if route else 0
    change, stands_there = route is not None, placed_on(route)
    route = route or Route.objects.create(
        name=_free_name(), default=True, description="What the chat page asks.", enabled=True
    )
    behind = [] if stands_there else [(one, last + 2) for one in before]
    _stand(route, [(version, last + 1), *behind], by, change=change)
    if not before:
        return Placed()
    return Placed(after=before[-1]) if stands_there else Placed(before=before[0])


@transaction.atomic
def put_first(version: ModelVersion, *, by: AbstractBaseUser | None) -> bool:
    """Before all that stand on the route of the chat page, which go on behind it. False: nothing is changed, for the
    endpoint of the settings is asked."""
    if not placed_on(page_route()):
        return place(version, by=by).on_route
    route = Route.objects.select_for_update().get(pk=cast(Route, page_route()).pk)
    rows = list(route.candidates.all())
    own = route.candidates.filter(version=version, **_FOR_EVERYBODY).first()
    # Out of the way first: no two rows of a version have one position.
    own = own or Candidate(route=route, version=version)
    own.position = rows[-1].position + 2
    own.save()
    for row in reversed([one for one in rows if one.pk != own.pk]):
        route.candidates.filter(pk=row.pk).update(position=row.position + 1)
    own.position = rows[0].position
    own.save(update_fields=["position"])
    named = list(dict.fromkeys(route.candidates.values_list("version__name", flat=True)))
    audit.record("route.changed", route.name, by, candidates=named)
    return True


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
