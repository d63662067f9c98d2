"""The model service: GGUF files behind OpenAI's chat completions, for Footnote's own processes alone."""

from __future__ import annotations

import asyncio
import hmac
import json
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from inference.batching import contract
from inference.batching.contract import Ended, Piece, Sampling, TokenText
from inference.config import InferenceConfig
from inference.engine import Progress
from inference.errors import BadRequest, InferenceError
from inference.serving.description import openapi
from inference.serving.host import Installed, ModelHost
from inference.serving.loading import Loaded
from inference.serving.request_form import CompletionRequest, read
from inference.serving.response_form import DONE, Form, openai_error

log = structlog.get_logger(__name__)

_BODY_BYTES = 2_000_000
_LOOK_FOR_LEAVING_S = 0.25
_UNKNOWN_WAIT_S = 2


class ModelService:
    def __init__(self, config: InferenceConfig, installed: Installed) -> None:
        self.config = config
        self.host = ModelHost(config, installed)

    async def models(self, request: Request) -> Response:
        models = await self.host.installed()
        data = [{"id": model.name, "object": "model", "created": 0, "owned_by": "footnote"} for model in models]
        return JSONResponse({"object": "list", "data": data})

    async def completions(self, request: Request) -> Response:
        asked = read(await _json(request), most_tokens=self.config.max_answer_tokens)
        events = self._answer(asked, request.headers.get("x-request-id", ""))
        name, first = await _begun(events)  # a refusal becomes a status, not a broken stream
        form = Form(name)
        rest = _from(first, events)
        if asked.stream:
            sent = _sse(rest, form, include_usage=asked.include_usage)
            return StreamingResponse(sent, media_type="text/event-stream")
        return await _whole(request, rest, form)

    async def _answer(self, asked: CompletionRequest, request_id: str) -> AsyncIterator[str | contract.Event]:
        """The model's name, its place in the queue, then what happens, to the end."""
        async with self.host.lease(asked.model) as loaded:
            yield loaded.installed.name
            wanted = await run_in_threadpool(_request, loaded, asked)
            wanted.request_id = request_id
            wanted.deadline = time.monotonic() + min(self.config.answer_timeout_s, asked.timeout_s)
            async with aclosing(loaded.thread.stream(wanted)) as events:  # type: ignore[type-var]
                async for event in events:
                    yield event

    async def healthz(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(self, request: Request) -> Response:
        models = await self.host.installed()
        if not models:
            return JSONResponse({"ready": False, "problem": "No model is installed."}, status_code=503)
        return JSONResponse({"ready": True, "model": models[0].name})

    async def describe(self, request: Request) -> Response:
        return JSONResponse(openapi())

    async def metrics(self, request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _request(loaded: Loaded, asked: CompletionRequest) -> contract.Request:
    """Template, tokens and grammar take milliseconds: in a thread, away from the event loop."""
    prompt = loaded.model.prompt(asked.messages, public_messages=asked.public_messages)
    return contract.Request(
        prompt=prompt.tokens,
        sampling=_with_grammar(loaded, asked.sampling, asked.schema),
        user=asked.user,
        cache_key=asked.cache_key,
        public_tokens=prompt.public,
    )


def _with_grammar(loaded: Loaded, sampling: Sampling, schema: str) -> Sampling:
    """Read here, so that a wrong one is refused with a status and not in the middle of a stream."""
    if not (schema or sampling.grammar):
        return sampling
    from inference.llama.grammar import check_grammar, grammar_of

    grammar = grammar_of(schema) if schema else sampling.grammar
    check_grammar(loaded.model.vocabulary, grammar)
    return replace(sampling, grammar=grammar)


async def _begun(events: AsyncIterator[str | contract.Event]) -> tuple[str, contract.Event]:
    try:
        name, first = await anext(events), await anext(events)
    except BaseException:
        await events.aclose()  # type: ignore[attr-defined]
        raise
    return str(name), first  # type: ignore[return-value]


async def _from(first: Any, events: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async with aclosing(events) as rest:  # type: ignore[type-var]
        yield first
        async for event in rest:
            yield event


async def _sse(events: AsyncIterator[Any], form: Form, *, include_usage: bool) -> AsyncIterator[bytes]:
    async with aclosing(events) as pieces:  # type: ignore[type-var]
        try:
            async for event in pieces:
                if isinstance(event, Progress):
                    yield form.progress(event)
                elif isinstance(event, Piece):
                    yield form.piece(event)
                elif isinstance(event, Ended):
                    yield form.ended(event, include_usage=include_usage)
        except InferenceError as error:
            yield form.error(error)
    yield DONE


async def _whole(request: Request, events: AsyncIterator[Any], form: Form) -> Response:
    """Somebody who hangs up while waiting for the model holds no place in its queue."""
    work = asyncio.create_task(_collected(events))
    try:
        while not work.done():
            await asyncio.wait({work}, timeout=_LOOK_FOR_LEAVING_S)
            if not work.done() and await request.is_disconnected():
                return Response(status_code=499)
        text, tokens, ended = work.result()
    finally:
        work.cancel()
        await asyncio.wait({work})
    return JSONResponse(form.whole(text, tokens, ended))


async def _collected(events: AsyncIterator[Any]) -> tuple[str, tuple[TokenText, ...], Ended]:
    text, ended = "", Ended("stop", 0, 0, 0)
    tokens: tuple[TokenText, ...] = ()
    async with aclosing(events) as pieces:  # type: ignore[type-var]
        async for event in pieces:
            if isinstance(event, Piece):
                text, tokens = text + event.text, tokens + event.tokens
            elif isinstance(event, Ended):
                ended = event
    return text, tokens, ended


async def _json(request: Request) -> dict[str, Any]:
    raw = bytearray()
    async for part in request.stream():
        raw += part
        if len(raw) > _BODY_BYTES:
            raise BadRequest(f"The body is larger than {_BODY_BYTES} bytes.")
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise BadRequest("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.")
    return body


def _wait_s(error: InferenceError) -> int:
    """Whole seconds, never 0: whoever heeds that would ask again at once."""
    return max(1, math.ceil(error.retry_after_s or _UNKNOWN_WAIT_S))


def create_app(config: InferenceConfig, installed: Installed) -> Starlette:
    """`installed` reads the registry, the default model first. `state.leave` is to be called at the signal to stop."""
    service = ModelService(config, installed)

    def door(handler: Callable[[Request], Awaitable[Response]], *, guarded: bool = True) -> Any:
        async def endpoint(request: Request) -> Response:
            structlog.contextvars.bind_contextvars(turn=request.headers.get("x-request-id", ""))
            token = request.headers.get("authorization", "")
            if guarded and not hmac.compare_digest(token.encode(), f"Bearer {config.internal_token}".encode()):
                refused = {"message": "The key is missing or wrong.", "type": "invalid_request_error", "param": None}
                return JSONResponse({"error": {**refused, "code": "invalid_api_key"}}, status_code=401)
            try:
                return await handler(request)
            except InferenceError as error:
                headers = {"Retry-After": str(_wait_s(error))} if error.retryable else {}
                return JSONResponse(openai_error(error), status_code=error.http_status, headers=headers)

        return endpoint

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await service.host.close()

    app = Starlette(
        lifespan=lifespan,
        routes=[
            Route("/v1/models", door(service.models)),
            Route("/v1/chat/completions", door(service.completions), methods=["POST"]),
            Route("/healthz", door(service.healthz, guarded=False)),
            Route("/readyz", door(service.readyz, guarded=False)),
            Route("/metrics", door(service.metrics)),
            Route("/openapi.json", door(service.describe, guarded=False)),
        ],
    )
    app.state.leave = service.host.leave
    return app
