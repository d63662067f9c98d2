"""OpenAI's API, answered with retrieval and citations: any of its clients is a client of Footnote."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from chatapp.accounts.models import User
from chatapp.conversations.engines import get_router
from chatapp.conversations.places import Place
from chatapp.errors import TYPED_ERRORS, NotFound
from chatapp.json_body import read_object
from chatapp.openai.answering import Done, Event, Found, answer, route_named
from chatapp.openai.bodies import completion_in, embedded_in, seed_in
from chatapp.openai.description import openapi
from chatapp.openai.door import with_key
from chatapp.openai.errors import error_object, refusal
from inference.batching.contract import Ended, Piece
from inference.engine import Progress, TextPiece, Usage, Writer
from inference.prompts import estimate_tokens
from inference.routing.router import UnknownRoute
from inference.serving.request_form import CompletionRequest
from inference.serving.response_form import DONE, Form
from retrieval.client import shared_client


class UnknownModel(NotFound):
    code = "model_not_found"
    user_message = "There is no model of that name."
    advice = "`GET /v1/models` lists them."


@csrf_exempt
async def description(request: HttpRequest) -> HttpResponseBase:
    """Says nothing that is not in the documentation: no key is needed."""
    if request.method == "GET":
        return JsonResponse(openapi())
    return refusal(405, code="method_not_allowed", message="Use GET.", allow="GET")


@csrf_exempt
async def unknown(request: HttpRequest, rest: str = "") -> HttpResponseBase:
    return refusal(404, code="unknown_url", message=f"There is nothing at {request.method} {request.path}.")


@with_key("GET")
async def models(request: HttpRequest, person: User) -> HttpResponseBase:
    """Routes, that of the page first, then engines, then the embedder."""
    return JsonResponse({"object": "list", "data": [_model(name) for name in await _names()]})


@with_key("GET")
async def model(request: HttpRequest, person: User, name: str) -> HttpResponseBase:
    """Of any name that may be asked: bare names of versions and "default" are not in the list."""
    if name != settings.RETRIEVAL.embedding_model:
        try:
            await route_named(name)
        except UnknownRoute as error:
            raise UnknownModel from error
    return JsonResponse(_model(name))


async def _names() -> list[str]:
    return [*await get_router().names(), settings.RETRIEVAL.embedding_model]


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "footnote"}


@with_key("POST")
async def completions(request: HttpRequest, person: User) -> HttpResponseBase:
    body = read_object(request)
    asked = completion_in(body)
    fresh = "no-cache" in request.headers.get("Cache-Control", "")
    form = Form(asked.model or await route_named(""))
    events = answer(person, asked, seed=seed_in(body, asked), fresh=fresh)
    first = await anext(events)  # what is refused becomes a status, not a broken stream; from here on it holds a place
    if asked.stream:
        return StreamingHttpResponse(_sse(first, events, form, asked), content_type="text/event-stream")
    return await _whole(first, events, form)


async def _sse(
    first: Event, events: AsyncIterator[Event], form: Form, asked: CompletionRequest
) -> AsyncIterator[bytes]:
    async with aclosing(events) as rest:  # type: ignore[type-var]
        yield _line(first, form, asked)
        try:
            async for event in rest:
                yield _line(event, form, asked)
        except TYPED_ERRORS as error:
            yield form.refusal(error_object(error))
    yield DONE


def _line(event: Event, form: Form, asked: CompletionRequest) -> bytes:
    match event:
        case Found(sources):
            return form.beside(sources=sources)
        case Progress():
            return form.progress(event)
        case TextPiece(text):
            return form.piece(Piece(text))
        case Writer(engine, note):
            return form.beside(engine=engine, note=note)
        case Done(citations=citations):
            ending = form.beside(citations=citations) if citations else b""
            return ending + form.ended(_ended(event), include_usage=asked.include_usage)


async def _whole(first: Event, events: AsyncIterator[Event], form: Form) -> JsonResponse:
    text, sources = "", first.sources if isinstance(first, Found) else []
    done = Done([], Usage(0, 0), "stop", "")
    async with aclosing(events) as rest:  # type: ignore[type-var]
        async for event in rest:
            if isinstance(event, TextPiece):
                text += event.text
            elif isinstance(event, Done):
                done = event
    beside = {"citations": done.citations, "sources": sources, "engine": done.engine, "note": done.note}
    return JsonResponse(form.whole(text, (), _ended(done)) | beside)


def _ended(done: Done) -> Ended:
    return Ended(done.reason, done.usage.prompt_tokens, done.usage.completion_tokens, done.usage.cached_tokens)


@with_key("POST")
async def embeddings(request: HttpRequest, person: User) -> HttpResponseBase:
    """From the embedder that searches the documents, which answers everybody's questions first."""
    texts, encoding = embedded_in(read_object(request))
    place = Place(person)
    place.take()
    try:
        vectors = await shared_client(settings.RETRIEVAL).embed(texts, bulk=True)
    finally:
        place.free()
    data = [
        {"object": "embedding", "index": n, "embedding": _vector(vector, encoding)} for n, vector in enumerate(vectors)
    ]
    tokens = sum(map(estimate_tokens, texts))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return JsonResponse({"object": "list", "model": settings.RETRIEVAL.embedding_model, "data": data, "usage": usage})


def _vector(vector: Any, encoding: str) -> str | list[float]:
    """base64 holds little-endian 32-bit floats."""
    if encoding == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    return [float(value) for value in vector]
