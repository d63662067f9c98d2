"""What the engines behind somebody else's API share: connection, time, retries and refusals."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
import structlog

from inference.engine import Finish, Generation, Piece, Progress, TextPiece
from inference.engines.bodies import NOT_AN_ANSWER, event_data, read_refusal
from inference.engines.clock import Clock
from inference.engines.endpoint import Endpoint, http_client
from inference.engines.rate_limits import RateLimits
from inference.engines.refusals import refused, refused_list
from inference.engines.retries import Retries
from inference.errors import EngineUnavailable, InferenceError

log = structlog.get_logger(__name__)

_REFUSAL_S = 5.0
_HEALTH_S = 3.0
_CHARACTERS_A_TOKEN = 32  # more is no answer of so many tokens: whoever sends it is cut off


_UNREACHABLE = (httpx.HTTPError, httpx.InvalidURL, UnicodeError)  # the last one: a host that is no name


@dataclass(frozen=True, slots=True)
class Thought:
    """The model is at work on what nobody is shown."""


@dataclass(frozen=True, slots=True)
class Call:
    url: str
    body: dict[str, Any]
    optional: frozenset[str] = frozenset()  # what it holds and could do without

    @property
    def asked(self) -> str:
        """All text of the question."""
        parts = [self.body.get("system", ""), *self.body.get("stop", ()), *self.body.get("stop_sequences", ())]
        parts += [message.get("content", "") for message in self.body.get("messages", ())]
        return "\n".join(part for part in parts if isinstance(part, str))


class Reader(Protocol):
    """Of one answer, event by event."""

    @property
    def ended(self) -> bool:
        """Whether nothing that matters comes after this event."""

    def read(self, data: str) -> Sequence[TextPiece | Progress | Thought]:
        """Raises typed errors, and AttributeError, TypeError or KeyError for what is not in the API's form."""

    def finish(self) -> Finish:
        """Raises EngineUnavailable where the answer has no end."""


class Dialect(Protocol):
    """How one API is spoken."""

    def headers(self) -> dict[str, str]: ...

    def health_url(self) -> str: ...

    def call(self, request: Generation) -> Call: ...

    def reader(self, request: Generation) -> Reader: ...

    def learn(self, status: int, text: str, call: Call) -> str:
        """The field that the refusal is about, and that the next call leaves out; '' where there is none."""


class _SendAgain(Exception):
    pass


class ProviderEngine:
    def __init__(self, name: str, endpoint: Endpoint, dialect: Dialect, *, outside: bool) -> None:
        self.name, self.outside = name, outside
        self._endpoint, self._dialect = endpoint, dialect
        self._limits = RateLimits()
        self._http: httpx.AsyncClient | None = None

    @property
    def asked_at(self) -> tuple[str, str]:
        """Address and model."""
        return self._endpoint.base_url, self._endpoint.model

    def client(self) -> httpx.AsyncClient:
        """Made in the loop that uses it."""
        if self._http is None:
            self._http = http_client(self._endpoint, self._dialect.headers(), outside=self.outside)
        return self._http

    async def health(self) -> str:
        try:
            async with self.client().stream("GET", self._dialect.health_url(), timeout=_HEALTH_S) as response:
                status = response.status_code
        except _UNREACHABLE as error:
            log.info("endpoint.unreachable", engine=self.name, reason=f"{type(error).__name__}: {error}")
            return "It cannot be reached."
        return "" if status == 200 else refused_list(status)

    async def stream(self, request: Generation) -> AsyncIterator[Piece]:
        deadline = time.monotonic() + self._endpoint.answer_timeout_s
        retries = Retries(self._endpoint, self._limits, deadline)
        while True:
            await retries.keep_to_limits()
            begun = False
            try:
                async with aclosing(self._once(request, deadline)) as pieces:
                    async for piece in pieces:
                        begun = begun or isinstance(piece, TextPiece)
                        yield piece
                return
            except _SendAgain:
                continue
            except InferenceError as error:
                if request.in_house:  # endpoints repeat what they were asked, and errors are logged
                    error.forget_detail()
                if begun:
                    raise
                await retries.wait_after(error, self.name)

    async def _once(self, request: Generation, deadline: float) -> AsyncGenerator[Piece, None]:
        call, clock = self._dialect.call(request), Clock(self._endpoint, deadline)
        response = await self._sent(call, request.turn_id, clock)
        try:
            self._limits.heed(response.headers)
            if response.status_code != 200:
                raise await self._refusal(call, response, deadline)
            room = request.max_tokens * _CHARACTERS_A_TOKEN
            async with aclosing(self._pieces(response, self._dialect.reader(request), clock)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, TextPiece) and (room := room - len(piece.text)) < 0:
                        yield TextPiece(piece.text[:room])
                        yield Finish("length")
                        return
                    yield piece
        finally:
            await response.aclose()

    async def _sent(self, call: Call, turn_id: str, clock: Clock) -> httpx.Response:
        try:
            request = self.client().build_request("POST", call.url, json=call.body, headers={"X-Request-ID": turn_id})
            return await clock.within(self.client().send(request, stream=True))
        except _UNREACHABLE as error:
            reason = f"{type(error).__name__}: {error}"
            raise EngineUnavailable("The model could not be reached.", reason=reason) from error

    async def _refusal(self, call: Call, response: httpx.Response, deadline: float) -> Exception:
        text = await read_refusal(response, min(deadline, time.monotonic() + _REFUSAL_S))
        if field := self._dialect.learn(response.status_code, text, call):
            log.info("endpoint.field_not_taken", engine=self.name, status=response.status_code, field=field)
            return _SendAgain()
        return refused(response.status_code, text, response.headers, asked=call.asked, ours=self._endpoint.ours)

    async def _pieces(self, response: httpx.Response, reader: Reader, clock: Clock) -> AsyncGenerator[Piece, None]:
        async with aclosing(event_data(response, clock)) as events:
            async for data in events:
                for piece in _read(reader, data):
                    match piece:
                        case TextPiece():
                            clock.wrote()
                            yield piece
                        case Progress():
                            clock.moved(piece)
                            yield piece
                        case Thought():
                            clock.thought()
                if reader.ended:
                    break
        yield reader.finish()


def _read(reader: Reader, data: str) -> Sequence[TextPiece | Progress | Thought]:
    try:
        return reader.read(data)
    except (AttributeError, TypeError, KeyError) as error:
        raise EngineUnavailable(NOT_AN_ANSWER, detail=str(error)) from error
