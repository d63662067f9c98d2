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
from inference.engines.build import configured_endpoint, engine_for
from inference.engines.extractive import ExtractiveEngine
from inference.engines.local import NO_MODEL, LocalEngine
from inference.errors import EngineUnavailable, InferenceError
from inference.health import KnownHealth

log = structlog.get_logger(__name__)

_ADD_MODEL = "Add a model with `manage.py models pull` or `models add`{}."
_OR_ENDPOINT = ", or name an endpoint in INFERENCE_API_BASE_URL"
_MEND_SERVICE = "The log of the model service, which `manage.py up` starts, says why."
_MEND_ENDPOINT = "Check that it runs, and what INFERENCE_API_BASE_URL and INFERENCE_API_KEY say."
_STAYS = "A source may not leave the house, so outside endpoints were not asked."
_REST_S = 15.0  # an engine that was not available is left alone this long, so that not every question waits for it


@dataclass(frozen=True, slots=True)
class EngineStatus:
    name: str
    outside: bool
    problem: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class _Rest:
    until: float
    why: str  # a sentence about the model


class Route:
    """An engine made of engines in their order: it falls over before the first token and in the middle of an answer."""

    outside = False

    def __init__(self, engines: list[Engine]) -> None:
        self.engines = engines
        self._rests: dict[Engine, _Rest] = {}  # not by name: two copies of a service share theirs
        self._health = KnownHealth()
        self._problems: dict[Engine, str] = {}  # as last logged

    @property
    def name(self) -> str:
        return self.engines[0].name

    async def health(self) -> str:
        return ""

    async def describe(self) -> list[EngineStatus]:
        return list(await asyncio.gather(*(self._status(engine) for engine in self.engines)))

    async def _status(self, engine: Engine) -> EngineStatus:
        """One that failed a moment ago does not answer now, whatever it says of itself."""
        problem = await self._health.problem(engine)
        if not problem and (rest := self._resting().get(engine)):
            problem = f"{_about('It', rest.why)} It is asked again soon."
        return EngineStatus(engine.name, engine.outside, problem, self._advice(engine, problem))

    async def stream(self, request: Generation) -> AsyncIterator[Piece]:
        written = request.written
        notes: dict[str, str] = {}  # of the engines that do not write, by their names
        last: InferenceError | None = None
        for engine in self.engines:
            why = await self._passed_by(engine, request)
            if why is not None:
                notes |= {engine.name: why} if why else {}
                continue
            yield Writer(engine.name, _joined(notes, engine))
            try:
                async with aclosing(engine.stream(replace(request, written=written))) as pieces:  # type: ignore[type-var]
                    async for piece in pieces:
                        if isinstance(piece, TextPiece):
                            written += piece.text
                        yield piece
                self._rests.pop(engine, None)
                return
            except InferenceError as error:
                last = error
                if isinstance(error, EngineUnavailable):  # a refusal of this one question says nothing of the next
                    self._rests[engine] = _Rest(time.monotonic() + _REST_S, error.user_message)
                notes[engine.name] = _about(_model_of(engine), error.user_message)
                log.warning("route.failover", engine=engine.name, error=str(error), code=error.code, shown=len(written))
        raise last or InferenceError("No engine can answer.")

    async def _passed_by(self, engine: Engine, request: Generation) -> str | None:
        """None: it is asked. Otherwise what people are told of it, '' where there is nothing to tell."""
        if request.in_house and engine.outside:
            return _STAYS
        if rest := self._resting().get(engine):
            return _about(_model_of(engine), rest.why)
        problem = await self._health.problem(engine)
        if not self._lacks(engine, problem):
            return None
        return _about(_model_of(engine), problem) if engine.outside else ""

    def _advice(self, engine: Engine, problem: str) -> str:
        if not problem:
            return ""
        if engine.outside:
            return _MEND_ENDPOINT
        if problem != NO_MODEL:
            return _MEND_SERVICE
        return _ADD_MODEL.format("" if any(one.outside for one in self.engines) else _OR_ENDPOINT)

    def _lacks(self, engine: Engine, problem: str) -> bool:
        """Logs what changed, not each question that passes an engine by."""
        if self._problems.get(engine, "") != problem:
            log.info("route.skipped" if problem else "route.back", engine=engine.name, problem=problem)
            self._problems[engine] = problem
        return bool(problem)

    def _resting(self) -> dict[Engine, _Rest]:
        """When all of them rest, every one is asked all the same."""
        now = time.monotonic()
        resting = {engine: rest for engine, rest in self._rests.items() if rest.until > now}
        return resting if len(resting) < len(self.engines) else {}


def _model_of(engine: Engine) -> str:
    """The name that people know, without where it runs."""
    return engine.name.partition(": ")[2] or engine.name


def _about(name: str, sentence: str) -> str:
    """A sentence about "the model", or about "it", says which one is meant."""
    for subject in ("The model ", "It "):
        if sentence.startswith(subject):
            return f"{name} {sentence.removeprefix(subject)}"
    return f"{name}: {sentence}"


def _joined(notes: dict[str, str], writer: Engine) -> str:
    """Copies of one service share a name: that one of them is away matters to nobody as long as another one writes."""
    return " ".join(dict.fromkeys(note for name, note in notes.items() if note and name != writer.name))


def build_route(config: InferenceConfig, embed: Embed) -> Route:
    engines: list[Engine] = [LocalEngine(config, url) for url in config.model_service_urls]
    if described := configured_endpoint(config):
        engines.append(engine_for(described, config))
    return Route([*engines, ExtractiveEngine(embed)])
