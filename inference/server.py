"""The model service: a GGUF file behind OpenAI's chat completions, for Footnote's own processes alone."""

from __future__ import annotations

import asyncio
import hmac
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from inference.config import InferenceConfig
from inference.engine import ChatMessage, Finish, Progress, TextPiece, Usage
from inference.errors import EngineUnavailable, InferenceError
from inference.worker import LocalModel, ModelWorker

log = structlog.get_logger(__name__)

_BODY_BYTES = 2_000_000
_MESSAGES = 500
_LOOK_FOR_LEAVING_S = 0.25
FIRST_TOKEN = Histogram("footnote_model_first_token_seconds", "From request to first token")
TOKENS = Counter("footnote_model_tokens_total", "Tokens", ["kind"])
WAITING = Gauge("footnote_model_waiting", "Requests that wait for the model")


class BadRequest(InferenceError):
    code, http_status = "invalid_request_error", 400
    user_message = "The request to the model is not understood."


class ModelService:
    def __init__(self, config: InferenceConfig, default: Callable[[], LocalModel | None]) -> None:
        self.config = config
        self.worker = ModelWorker(config, default)

    async def models(self, request: Request) -> Response:
        model = await run_in_threadpool(self.worker.default)
        data = [{"id": model.name, "object": "model", "created": 0, "owned_by": "footnote"}] if model else []
        return JSONResponse({"object": "list", "data": data})

    async def completions(self, request: Request) -> Response:
        body = await _json(request)
        messages, sampling = _messages(body), _sampling(body, self.config.max_answer_tokens)
        usage = _wants_usage(body)
        model = await run_in_threadpool(self.worker.default)
        if model is None:
            raise EngineUnavailable("No model is installed.", advice="Add one with `manage.py models pull` or `add`.")
        events = self.worker.stream(messages, sampling)
        first = await anext(events)  # a refusal becomes a status, not a broken stream
        if body.get("stream"):
            return StreamingResponse(_sse(_from(first, events), model.name, usage), media_type="text/event-stream")
        return await _whole(request, _from(first, events), model.name)

    async def healthz(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(self, request: Request) -> Response:
        model = await run_in_threadpool(self.worker.default)
        if model is None:
            return JSONResponse({"ready": False, "problem": "No model is installed."}, status_code=503)
        return JSONResponse({"ready": True, "model": model.name})

    async def metrics(self, request: Request) -> Response:
        WAITING.set(self.worker.waiting())
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def _from(first: Any, events: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async with aclosing(events) as rest:  # type: ignore[type-var]
        yield first
        async for event in rest:
            yield event


async def _sse(events: AsyncIterator[Any], model: str, include_usage: bool) -> AsyncIterator[bytes]:
    head = {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": model,
    }
    begun, seen = time.monotonic(), False

    def line(**fields: Any) -> bytes:
        return b"data: " + json.dumps({**head, **fields}).encode() + b"\n\n"

    async with aclosing(events) as pieces:  # type: ignore[type-var]
        try:
            async for event in pieces:
                if isinstance(event, Progress):
                    yield line(choices=[], footnote_progress=asdict(event))
                elif isinstance(event, TextPiece):
                    if not seen:
                        FIRST_TOKEN.observe(time.monotonic() - begun)
                        seen = True
                    yield line(choices=[{"index": 0, "delta": {"content": event.text}, "finish_reason": None}])
                elif isinstance(event, Finish):
                    yield line(choices=[{"index": 0, "delta": {}, "finish_reason": event.reason}])
                    _count(event.usage)
                    if include_usage and event.usage:
                        yield line(choices=[], usage=_usage(event.usage))
        except InferenceError as error:
            yield b"data: " + json.dumps(_openai_error(error)).encode() + b"\n\n"
    yield b"data: [DONE]\n\n"


async def _whole(request: Request, events: AsyncIterator[Any], model: str) -> Response:
    """Somebody who hangs up while waiting for the model holds no place in its queue."""
    work = asyncio.create_task(_collected(events))
    try:
        while not work.done():
            await asyncio.wait({work}, timeout=_LOOK_FOR_LEAVING_S)
            if await request.is_disconnected():
                return Response(status_code=499)
        text, finish = work.result()
    finally:
        work.cancel()
        await asyncio.wait({work})
    _count(finish.usage)
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish.reason}
    return JSONResponse(
        {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": model,
            "choices": [choice],
            "usage": _usage(finish.usage or Usage(0, 0)),
        }
    )


async def _collected(events: AsyncIterator[Any]) -> tuple[str, Finish]:
    text, finish = "", Finish("stop")
    async with aclosing(events) as pieces:  # type: ignore[type-var]
        async for event in pieces:
            if isinstance(event, TextPiece):
                text += event.text
            elif isinstance(event, Finish):
                finish = event
    return text, finish


def _count(usage: Usage | None) -> None:
    if usage:
        TOKENS.labels("prompt").inc(usage.prompt_tokens)
        TOKENS.labels("completion").inc(usage.completion_tokens)


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


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


def _messages(body: dict[str, Any]) -> list[ChatMessage]:
    given = body.get("messages")
    if not isinstance(given, list) or not given or len(given) > _MESSAGES:
        raise BadRequest(f"`messages` must be a list of 1 to {_MESSAGES} messages.")
    messages = []
    for message in given:
        if not isinstance(message, dict) or message.get("role") not in ("system", "user", "assistant"):
            raise BadRequest("Each message needs a role: system, user or assistant.")
        if not isinstance(message.get("content"), str):
            raise BadRequest("The content of each message must be a string.")
        messages.append(ChatMessage(message["role"], message["content"]))
    return messages


def _sampling(body: dict[str, Any], most: int) -> Any:
    from inference.llama import Sampling

    stop = body.get("stop") or []
    stop = [stop] if isinstance(stop, str) else stop
    if not isinstance(stop, list) or len(stop) > 8 or not all(isinstance(s, str) and 0 < len(s) <= 200 for s in stop):
        raise BadRequest("`stop` must be at most 8 strings of at most 200 characters.")
    limit = body.get("max_completion_tokens", body.get("max_tokens"))
    return Sampling(
        max_tokens=int(_number(limit, "max_tokens", 1, 100_000, most)),
        temperature=_number(body.get("temperature"), "temperature", 0, 2, 0.7),
        top_p=_number(body.get("top_p"), "top_p", 0, 1, 0.95),
        seed=int(_number(body.get("seed"), "seed", -(2**31), 2**32 - 1, 0)) & 0xFFFFFFFF,
        stop=tuple(stop),
    )


def _wants_usage(body: dict[str, Any]) -> bool:
    options = body.get("stream_options") or {}
    if not isinstance(options, dict):
        raise BadRequest("`stream_options` must be an object.")
    return bool(options.get("include_usage"))


def _number(value: Any, name: str, least: float, most: float, default: float) -> float:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise BadRequest(f"`{name}` must be a number from {least:g} to {most:g}.")
    return float(value)


def _openai_error(error: InferenceError) -> dict[str, Any]:
    return {
        "error": {
            "message": f"{error.user_message} {error.advice}".strip(),
            "type": "invalid_request_error" if error.http_status < 500 else "server_error",
            "code": error.code,
            "param": None,
        }
    }


def create_app(config: InferenceConfig, default: Callable[[], LocalModel | None]) -> Starlette:
    service = ModelService(config, default)

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
                headers = {"Retry-After": str(int(error.retry_after_s or 2))} if error.retryable else {}
                return JSONResponse(_openai_error(error), status_code=error.http_status, headers=headers)

        return endpoint

    return Starlette(
        routes=[
            Route("/v1/models", door(service.models)),
            Route("/v1/chat/completions", door(service.completions), methods=["POST"]),
            Route("/healthz", door(service.healthz, guarded=False)),
            Route("/readyz", door(service.readyz, guarded=False)),
            Route("/metrics", door(service.metrics)),
        ]
    )
