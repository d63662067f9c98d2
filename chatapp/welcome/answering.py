"""Which models the chat page asks, as far as the registry and the settings tell it without asking any of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.db.models import Q

from inference import registry
from inference.endpoints import key_missing
from inference.models import ModelVersion, Route
from inference.routing.pool import BUILT_IN


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
