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


def asked_versions() -> list[ModelVersion]:
    """In the order in which they are asked."""
    ready = ModelVersion.objects.filter(state=ModelVersion.State.READY)
    route = page_route()
    placed = list(ready.filter(candidates__route=route).order_by("candidates__position")) if route else []
    return list(dict.fromkeys(placed)) or list(ready.filter(default=True))


def asks_settings() -> bool:
    """Whether the endpoint of the settings stands on the route of the chat page."""
    route = page_route()
    placed = route is not None and route.candidates.filter(version__state=ModelVersion.State.READY).exists()
    return bool(settings.INFERENCE.api_base_url) and not placed


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
