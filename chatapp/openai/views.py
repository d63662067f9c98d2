"""OpenAI's API, answered with retrieval and citations: any of its clients is a client of Footnote."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import aclosing
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from chatapp.accounts.models import User
from chatapp.accounts.scopes import Action
from chatapp.conversations.engines import get_router
from chatapp.conversations.places import Place
from chatapp.database import in_database
from chatapp.errors import TYPED_ERRORS, NotFound
from chatapp.json_body import read_object
from chatapp.limits import budgets
from chatapp.limits.tokens import reserve
from chatapp.openai.answering import Done, Event, Found, answer, route_named
from chatapp.openai.bodies import completion_in, embedded_in, seed_in
from chatapp.openai.description import openapi
from chatapp.openai.door import count, nothing_there, with_key
from chatapp.openai.errors import error_object, refusal
from chatapp.openai.metering import metered
from chatapp.openai.narrowing import narrowed_in
from inference.batching.contract import Ended, Piece
from inference.engine import Progress, TextPiece, Usage, Writer
from inference.prompts import estimate_tokens
from inference.routing.router import UnknownRoute
from inference.serving.request_form import CompletionRequest
from inference.serving.response_form import DONE, Form
from retrieval.contracts import Vectors
from retrieval.service.client import shared_client
from retrieval.versions.current import serving

DEFAULT = "default"
_serving = in_database(serving)
_spend = in_database(budgets.count)


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
    return nothing_there(request)


@with_key("GET")
async def models(request: HttpRequest, person: User) -> HttpResponseBase:
    """Routes, that of the page first, then engines, then the embedder; of those that the key may ask."""
    default = await route_named("")
    open_ones = [name for name in await _names() if _may_ask(person, name, *([DEFAULT] if name == default else []))]
    return JsonResponse({"object": "list", "data": [_model(name) for name in open_ones]})


@with_key("GET")
async def model(request: HttpRequest, person: User, name: str) -> HttpResponseBase:
    """Of any name that may be asked: bare names of versions and "default" are not in the list."""
    try:
        if name == (await _serving()).embedding_model:
            _require_model(person, name)
        else:
            await route_named(name)
            await _require_route(person, name)
    except UnknownRoute as error:
        raise UnknownModel from error
    return JsonResponse(_model(name))


async def _require_route(person: User, asked: str) -> None:
    """A key may name it as it is listed, as it is asked for, or as the default one. Raises UnknownRoute."""
    if person.grant is None or person.grant.models is None:
        return
    found = await route_named(asked)
    _require_model(person, asked or DEFAULT, found, *([DEFAULT] if found == await route_named("") else []))


def _may_ask(person: User, *names: str) -> bool:
    return person.grant is None or person.grant.asks(*names)


def _require_model(person: User, *names: str) -> None:
    """Raises UnknownRoute, as of a model that is not there."""
    if not _may_ask(person, *names):
        raise UnknownRoute


async def _names() -> list[str]:
    return [*await get_router().names(), (await _serving()).embedding_model]


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "footnote"}


@with_key("POST", Action.ASK)
async def completions(request: HttpRequest, person: User) -> HttpResponseBase:
    body = read_object(request)
    asked = completion_in(body)
    fresh = "no-cache" in request.headers.get("Cache-Control", "")
    form = Form(asked.model or await route_named(""))
    await _require_route(person, asked.model)
    narrowed = await narrowed_in(body, person)
    reserved = await reserve(person, questions=1)
    count(request, reserved.levels)
    answering = answer(person, asked, narrowed, seed=seed_in(body, asked), fresh=fresh)
    events = metered(person, answering, asked, reserved)
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
        case Done(citations=citations, unsupported=unsupported):
            found = {"citations": citations} | ({"unsupported": unsupported} if unsupported else {})
            ending = form.beside(**found) if citations or unsupported else b""
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
    beside = {"citations": done.citations, "unsupported": done.unsupported, "sources": sources}
    beside |= {"engine": done.engine, "note": done.note}
    return JsonResponse(form.whole(text, (), _ended(done)) | beside)


def _ended(done: Done) -> Ended:
    return Ended(done.reason, done.usage.prompt_tokens, done.usage.completion_tokens, done.usage.cached_tokens)


@with_key("POST", Action.EMBED)
async def embeddings(request: HttpRequest, person: User) -> HttpResponseBase:
    """From the embedder that searches the documents, which answers everybody's questions first."""
    model = (await _serving()).embedding_model
    _require_model(person, model, DEFAULT)
    texts, encoding = embedded_in(read_object(request), model)
    tokens = sum(map(estimate_tokens, texts))
    reserved = await reserve(person, tokens)
    count(request, reserved.levels)
    try:
        vectors = await _vectors(person, texts, model)
    except BaseException:  # cancelled too, by a caller who went away
        await reserved.give_back(person)
        raise
    await _spend([(str(person.pk), tokens, Decimal(0))])
    data = [
        {"object": "embedding", "index": n, "embedding": _vector(vector, encoding)} for n, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return JsonResponse({"object": "list", "model": model, "data": data, "usage": usage})


async def _vectors(person: User, texts: list[str], model: str) -> Vectors:
    place = Place(person)
    await place.take()
    try:
        return await shared_client(settings.RETRIEVAL).embed(texts, bulk=True, of_model=model)
    finally:
        await place.free()


def _vector(vector: Any, encoding: str) -> str | list[float]:
    """base64 holds little-endian 32-bit floats."""
    if encoding == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    return [float(value) for value in vector]
