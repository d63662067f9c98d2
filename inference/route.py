"""Which engine answers: the local model, then the endpoint that the administrator configured, then quotes alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace

import structlog

from inference.config import InferenceConfig
from inference.engine import Embed, Engine, Generation, Piece, TextPiece, Writer
from inference.engines.extractive import ExtractiveEngine
from inference.engines.local import LocalEngine
from inference.engines.openai_compatible import Endpoint, OpenAICompatibleEngine
from inference.errors import EngineUnavailable, InferenceError
from inference.health import KnownHealth

log = structlog.get_logger(__name__)

_ADD_MODEL = "Add a model with `manage.py models pull` or `models add`, or name an endpoint in INFERENCE_API_BASE_URL."
_STAYS = "A source may not leave the house, so outside endpoints were not asked."
_REST_S = 15.0  # an engine that was not available is left alone this long, so that not every question waits for it


@dataclass(frozen=True, slots=True)
class EngineStatus:
    name: str
    outside: bool
    problem: str
    advice: str = ""


class Route:
    """An engine made of engines in their order: it falls over before the first token and in the middle of an answer."""

    outside = False

    def __init__(self, engines: list[Engine]) -> None:
        self.engines = engines
        self._rests_until: dict[Engine, float] = {}  # not by name: two copies of a service share theirs
        self._health = KnownHealth()
        self._problems: dict[Engine, str] = {}  # as last logged

    @property
    def name(self) -> str:
        return self.engines[0].name

    async def health(self) -> str:
        return ""

    async def describe(self) -> list[EngineStatus]:
        problems = await asyncio.gather(*(self._health.problem(engine) for engine in self.engines))
        return [
            EngineStatus(engine.name, engine.outside, problem, _ADD_MODEL if problem else "")
            for engine, problem in zip(self.engines, problems, strict=True)
        ]

    async def stream(self, request: Generation) -> AsyncIterator[Piece]:
        written, note = request.written, ""
        last: InferenceError | None = None
        for engine in self._order():
            if request.in_house and engine.outside:
                note = _STAYS
                continue
            if self._lacks(engine, await self._health.problem(engine)):
                continue
            yield Writer(engine.name, note)
            try:
                async with aclosing(engine.stream(replace(request, written=written))) as pieces:  # type: ignore[type-var]
                    async for piece in pieces:
                        if isinstance(piece, TextPiece):
                            written += piece.text
                        yield piece
                self._rests_until.pop(engine, None)
                return
            except InferenceError as error:
                last = error
                if isinstance(error, EngineUnavailable):  # a refusal of this one question says nothing of the next
                    self._rests_until[engine] = time.monotonic() + _REST_S
                note = f"{engine.name} failed: {error.user_message}"
                log.warning("route.failover", engine=engine.name, error=str(error), code=error.code, shown=len(written))
        raise last or InferenceError("No engine can answer.")

    def _lacks(self, engine: Engine, problem: str) -> bool:
        """Logs what changed, not each question that passes an engine by."""
        if self._problems.get(engine, "") != problem:
            log.info("route.skipped" if problem else "route.back", engine=engine.name, problem=problem)
            self._problems[engine] = problem
        return bool(problem)

    def _order(self) -> list[Engine]:
        """Without those at rest; when all of them rest, every one is asked all the same."""
        now = time.monotonic()
        fresh = [e for e in self.engines if self._rests_until.get(e, 0.0) <= now]
        return fresh or self.engines


def build_route(config: InferenceConfig, embed: Embed) -> Route:
    engines: list[Engine] = [LocalEngine(config, url) for url in config.model_service_urls]
    if config.api_base_url:
        endpoint = Endpoint(
            base_url=config.api_base_url.rstrip("/"),
            key=config.api_key,
            model=config.api_model,
            connect_timeout_s=config.connect_timeout_s,
            first_token_timeout_s=config.first_token_timeout_s,
            between_tokens_timeout_s=config.between_tokens_timeout_s,
            answer_timeout_s=config.answer_timeout_s,
            retries=config.retries,
        )
        engines.append(OpenAICompatibleEngine(f"api: {config.api_model}", endpoint, outside=True))
    return Route([*engines, ExtractiveEngine(embed)])
