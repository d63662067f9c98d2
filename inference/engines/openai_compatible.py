"""Any endpoint that speaks OpenAI's chat completions: OpenAI, vLLM, llama-server, our own model service."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx
import structlog

from inference.engine import Finish, Generation, Piece, Progress, TextPiece, Usage
from inference.errors import ContextTooLong, EngineBusy, EngineUnavailable, InferenceError, QuestionRefused

log = structlog.get_logger(__name__)

_MOST_WAIT_S = 20.0  # a longer Retry-After sends the question to the next engine instead
_LINE_BYTES = 1_000_000
_WITHOUT_LIST = (404, 405, 429)  # many have none; one that is asked too often for it is there


@dataclass(frozen=True, slots=True)
class Endpoint:
    base_url: str  # up to and including /v1; unix sockets through `socket`
    key: str
    model: str
    socket: str | None = None
    connect_timeout_s: float = 5.0
    first_token_timeout_s: float = 60.0
    between_tokens_timeout_s: float = 30.0
    answer_timeout_s: float = 300.0
    retries: int = 2
    ours: bool = False  # Footnote's model service, which is told who asks


class OpenAICompatibleEngine:
    def __init__(self, name: str, endpoint: Endpoint, *, outside: bool) -> None:
        self.name, self.outside, self._endpoint = name, outside, endpoint
        self._http: httpx.AsyncClient | None = None

    def client(self) -> httpx.AsyncClient:
        """Made in the loop that uses it."""
        if self._http is None:
            socket = self._endpoint.socket
            self._http = httpx.AsyncClient(
                transport=httpx.AsyncHTTPTransport(uds=socket) if socket else None,
                headers={"Authorization": f"Bearer {self._endpoint.key}"} if self._endpoint.key else {},
                timeout=httpx.Timeout(None, connect=self._endpoint.connect_timeout_s, write=30.0, pool=10.0),
                follow_redirects=False,
            )
        return self._http

    async def health(self) -> str:
        try:
            response = await self.client().get(f"{self._endpoint.base_url}/models", timeout=3.0)
        except httpx.HTTPError as error:
            log.info("endpoint.unreachable", engine=self.name, reason=f"{type(error).__name__}: {error}")
            return "It cannot be reached."
        return "" if response.status_code == 200 else refused_list(response.status_code)

    async def stream(self, request: Generation) -> AsyncIterator[Piece]:
        deadline = time.monotonic() + self._endpoint.answer_timeout_s
        for attempt in range(self._endpoint.retries + 1):
            begun = False
            try:
                async with aclosing(self._once(request, deadline)) as pieces:
                    async for piece in pieces:
                        begun = begun or isinstance(piece, TextPiece)
                        yield piece
                return
            except InferenceError as error:
                wait = _wait(error, attempt)
                last = attempt == self._endpoint.retries or time.monotonic() + wait > deadline
                if begun or last or not error.retryable or wait > _MOST_WAIT_S:
                    raise
                log.info("engine.retry", engine=self.name, attempt=attempt + 1, wait_s=round(wait, 2), error=str(error))
                await asyncio.sleep(wait)

    async def _once(self, request: Generation, deadline: float) -> AsyncGenerator[Piece, None]:
        http_request = self.client().build_request(
            "POST",
            f"{self._endpoint.base_url}/chat/completions",
            json=self._body(request),
            headers={"X-Request-ID": request.turn_id},
        )
        first = min(deadline, time.monotonic() + self._endpoint.first_token_timeout_s)
        try:
            response = await _within(self.client().send(http_request, stream=True), first)
        except httpx.HTTPError as error:
            reason = f"{type(error).__name__}: {error}"
            raise EngineUnavailable("The model could not be reached.", detail=reason) from error
        try:
            if response.status_code != 200:
                raise await _refusal(response, first)
            async with aclosing(self._pieces(response, first, deadline)) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            await response.aclose()

    async def _pieces(self, response: httpx.Response, first: float, deadline: float) -> AsyncGenerator[Piece, None]:
        usage: Usage | None = None
        reason = ""
        clock = _Clock(self._endpoint, first, deadline)
        lines = response.aiter_lines()
        try:
            while True:
                line = await clock.within(anext(lines, None))
                if line is None or len(line) > _LINE_BYTES or line[5:].strip() == "[DONE]":
                    break
                if not line.startswith("data:"):
                    continue
                chunk = _chunk(line[5:].strip())
                if progress := _progress(chunk):
                    clock.moved(progress)
                    yield progress
                usage = _usage(chunk) or usage
                for choice in chunk.get("choices") or []:
                    reason = choice.get("finish_reason") or reason
                    if text := (choice.get("delta") or {}).get("content"):
                        clock.wrote()
                        yield TextPiece(text)
        except httpx.HTTPError as error:
            raise EngineUnavailable("The model broke off.", detail=f"{type(error).__name__}: {error}") from error
        except (AttributeError, TypeError, KeyError) as error:
            raise EngineUnavailable("The model sent something that is not an answer.", detail=str(error)) from error
        if not reason:
            raise EngineUnavailable("The model broke off.", detail="the stream ended without a finish reason")
        yield Finish("length" if reason == "length" else "stop", usage)

    def _body(self, request: Generation) -> dict[str, Any]:
        messages = [{"role": m.role, "content": m.content} for m in request.messages]
        if request.written:
            messages.append({"role": "assistant", "content": request.written})
            messages.append({"role": "user", "content": "Go on from exactly there. Repeat nothing."})
        body: dict[str, Any] = {
            "model": self._endpoint.model,
            "messages": messages,
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
        }
        if request.stop:
            body["stop"] = list(request.stop)
        if request.seed is not None:
            body["seed"] = request.seed
        if self._endpoint.ours:  # the instructions at the start are everybody's: computed once for all
            body |= {"user": request.asker, "footnote_public_messages": 1}
        return body


def refused_list(status: int) -> str:
    """What it means that there is no list of models: '' where the endpoint can answer questions all the same."""
    return "" if status in _WITHOUT_LIST else f"It refuses to answer (status {status})."


class _Clock:
    """How long the next line of a stream may take; the deadline of the whole answer bounds all of it."""

    def __init__(self, endpoint: Endpoint, limit: float, deadline: float) -> None:
        self._endpoint, self._limit, self._deadline = endpoint, limit, deadline
        self._progress: Progress | None = None
        self._written = False

    async def within(self, awaitable: Any) -> Any:
        try:
            return await _within(awaitable, self._limit)
        except EngineUnavailable as error:
            waits = self._progress is not None and self._progress.queue_position
            if waits and not self._written:  # one that is busy with others is not away
                raise EngineBusy(detail=f"{waits} before this one") from error
            raise

    def moved(self, progress: Progress) -> None:
        """A prompt that is read on, and a queue that moves, begin the time for the first token anew."""
        if progress != self._progress and not self._written:
            self._limit = self._after(self._endpoint.first_token_timeout_s)
        self._progress = progress

    def wrote(self) -> None:
        self._written = True
        self._limit = self._after(self._endpoint.between_tokens_timeout_s)

    def _after(self, seconds: float) -> float:
        return min(self._deadline, time.monotonic() + seconds)


async def _within(awaitable: Any, deadline: float) -> Any:
    try:
        async with asyncio.timeout_at(asyncio.get_running_loop().time() + max(deadline - time.monotonic(), 0)):
            return await awaitable
    except TimeoutError as error:
        raise EngineUnavailable("The model did not answer in time.", detail="timeout") from error


async def _refusal(response: httpx.Response, deadline: float) -> InferenceError:
    try:
        text = (await _within(response.aread(), deadline)).decode("utf-8", "replace")[:2000]
    except httpx.HTTPError:
        text = ""
    status = response.status_code
    detail = f"status {status}: {text[:500]}"
    if status == 429 or (status == 503 and "busy" in text):
        return EngineBusy(detail=detail, retry_after_s=_retry_after(response))
    if status in (400, 413) and "context" in text.lower():
        return ContextTooLong(detail=detail)
    if status in (400, 413, 422) and "model_file_rejected" not in text:
        return QuestionRefused(detail=detail)
    error = EngineUnavailable(detail=detail, retry_after_s=_retry_after(response))
    error.retryable = status >= 500 or status == 408
    return error


def _retry_after(response: httpx.Response) -> float | None:
    try:
        return max(float(response.headers.get("Retry-After", "")), 0.0)
    except ValueError:
        return None


def _wait(error: InferenceError, attempt: int) -> float:
    """What the endpoint asks for, else exponential backoff with jitter."""
    if error.retry_after_s is not None:
        return error.retry_after_s
    return min(0.5 * 2**attempt, 8.0) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter


def _chunk(data: str) -> dict[str, Any]:
    try:
        chunk = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise EngineUnavailable("The model sent something that is not an answer.", detail=data[:200]) from error
    if not isinstance(chunk, dict):
        raise EngineUnavailable("The model sent something that is not an answer.", detail=data[:200])
    if refusal := chunk.get("error"):
        raise _reported(refusal)
    return chunk


def _reported(refusal: object) -> InferenceError:
    """An error in the place of a chunk: the status was 200 long before."""
    detail = str(refusal)[:500]
    code = refusal.get("code") if isinstance(refusal, dict) else None
    if code in ("engine_busy", "rate_limit_exceeded", 429):
        return EngineBusy(detail=detail)
    if "context" in detail:
        return ContextTooLong(detail=detail)
    return EngineUnavailable("The model broke off.", detail=detail)


def _progress(chunk: dict[str, Any]) -> Progress | None:
    """Of our own model service; other endpoints say nothing before the first token."""
    if (found := chunk.get("footnote_progress")) is None:
        return None
    progress = Progress(**found)
    if not all(isinstance(number, int | float) for number in found.values() if number is not None):
        raise TypeError(f"not a progress: {str(found)[:100]}")
    return progress


def _usage(chunk: dict[str, Any]) -> Usage | None:
    found = chunk.get("usage")
    if not isinstance(found, dict):
        return None
    return Usage(int(found.get("prompt_tokens") or 0), int(found.get("completion_tokens") or 0))
