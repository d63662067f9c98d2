"""OpenAI's API, answered with retrieval and citations: any of its clients is a client of Footnote."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from django.conf import settings
from django.http import HttpRequest, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from chatapp.accounts.models import User
from chatapp.conversations.engines import embed, get_router
from chatapp.errors import TYPED_ERRORS, Invalid
from chatapp.json_body import read_object
from chatapp.openai.answering import Done, Event, Found, answer
from chatapp.openai.door import error_object, with_key
from inference.batching.contract import Ended, Piece
from inference.engine import Progress, TextPiece, Usage, Writer
from inference.prompts import estimate_tokens
from inference.routing.pool import BUILT_IN
from inference.serving.request_form import CompletionRequest, read
from inference.serving.response_form import DONE, Form

TEXTS, TEXT_CHARACTERS = 256, 20_000
EMBEDDER = "default"


@with_key("GET")
async def models(request: HttpRequest, person: User) -> HttpResponseBase:
    """Routes, that of the page first, then engines, then the embedder."""
    names = [*await get_router().names(), settings.RETRIEVAL.embedding_model]
    data = [{"id": name, "object": "model", "created": 0, "owned_by": "footnote"} for name in names]
    return JsonResponse({"object": "list", "data": data})


@with_key("POST")
async def completions(request: HttpRequest, person: User) -> HttpResponseBase:
    asked = read(read_object(request), most_tokens=settings.INFERENCE.max_answer_tokens)
    if asked.schema or asked.sampling.grammar:
        raise Invalid("Answers with citations cannot follow a grammar or a schema.", advice="Leave it out.")
    events = answer(person, asked)
    first = await anext(events)  # what is refused becomes a status, not a broken stream
    form = Form(asked.model or BUILT_IN)
    if asked.stream:
        return StreamingHttpResponse(_sse(first, events, form, asked), content_type="text/event-stream")
    return await _whole(first, events, form)


async def _sse(
    first: Event, events: AsyncIterator[Event], form: Form, asked: CompletionRequest
) -> AsyncIterator[bytes]:
    yield _line(first, form, asked)
    async with aclosing(events) as rest:  # type: ignore[type-var]
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
    beside = {"citations": done.citations, "sources": sources, "engine": done.engine}
    return JsonResponse(form.whole(text, (), _ended(done)) | beside)


def _ended(done: Done) -> Ended:
    return Ended(done.reason, done.usage.prompt_tokens, done.usage.completion_tokens, done.usage.cached_tokens)


@with_key("POST")
async def embeddings(request: HttpRequest, person: User) -> HttpResponseBase:
    """From the embedder that searches the documents."""
    body = read_object(request)
    texts, encoding = _texts(body.get("input")), body.get("encoding_format", "float")
    name = settings.RETRIEVAL.embedding_model
    if body.get("model") not in (None, "", EMBEDDER, name):
        raise Invalid(f"The embedding model is called {name!r}.", advice=f"Use that name, or {EMBEDDER!r}.")
    if encoding not in ("float", "base64"):
        raise Invalid("`encoding_format` must be float or base64.")
    if body.get("dimensions") is not None:
        raise Invalid("`dimensions` cannot be chosen for this model.", advice="Leave it out.")
    vectors = await embed(texts)
    data = [
        {"object": "embedding", "index": n, "embedding": _vector(vector, encoding)} for n, vector in enumerate(vectors)
    ]
    tokens = sum(map(estimate_tokens, texts))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return JsonResponse({"object": "list", "model": name, "data": data, "usage": usage})


def _texts(given: Any) -> list[str]:
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not 0 < len(texts) <= TEXTS or not all(isinstance(one, str) for one in texts):
        raise Invalid(f"`input` must be a text or a list of 1 to {TEXTS} texts.")
    if not all(0 < len(one) <= TEXT_CHARACTERS for one in texts):
        raise Invalid(f"Each text must have 1 to {TEXT_CHARACTERS} characters.")
    return [one.encode("utf-8", "replace").decode() for one in texts]


def _vector(vector: Any, encoding: str) -> str | list[float]:
    """base64 holds little-endian 32-bit floats."""
    if encoding == "base64":
        return base64.b64encode(vector.astype("<f4").tobytes()).decode()
    return [float(value) for value in vector]
