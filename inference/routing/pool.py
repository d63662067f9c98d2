"""Engines are made once: what is known of their health, and their open connections, outlive a reading of the routes."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from inference.config import InferenceConfig
from inference.engine import Embed, Engine
from inference.engines.build import EndpointDescription, configured_endpoint, engine_for
from inference.engines.extractive import ExtractiveEngine
from inference.engines.local import LocalEngine

BUILT_IN = "footnote"  # the name of the route that needs no row


class EnginePool:
    def __init__(self, config: InferenceConfig, embed: Embed) -> None:
        self.config = config
        self.last: Engine = ExtractiveEngine(embed)
        self._made: dict[Hashable, Engine] = {}

    def local(self, model: str = "") -> tuple[Engine, ...]:
        """The copies of the model service, each asked for this model; "" is its default."""
        return tuple(
            self._once(("local", url, model), lambda url=url: LocalEngine(self.config, url, model))  # type: ignore[misc]
            for url in self.config.model_service_urls
        )

    def endpoint(self, described: EndpointDescription) -> Engine:
        return self._once(described, lambda: engine_for(described, self.config))

    def of_settings(self) -> Engine | None:
        """The endpoint that the environment names."""
        described = configured_endpoint(self.config)
        return self.endpoint(described) if described else None

    def forget_all_but(self, used: set[Engine]) -> None:
        for key in [key for key, engine in self._made.items() if engine not in used]:
            del self._made[key]

    def _once(self, key: Hashable, make: Callable[[], Engine]) -> Engine:
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]
