"""The description of /v1/ in the form of OpenAPI 3.1. A test holds the running doors against it."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from django.conf import settings

from chatapp.documents.filters import PATH_CHARACTERS, TYPES
from chatapp.documents.narrowing import COLLECTIONS
from chatapp.documents.narrowing import NAME_CHARACTERS as COLLECTION_NAME
from chatapp.openai.bodies import EMBEDDER, TEXT_CHARACTERS, TEXTS
from chatapp.openai.narrowing import FIELD
from inference.serving.request_form import MESSAGES, NAME_CHARACTERS, STOP_CHARACTERS, STOPS
from retrieval.parsing.kinds import MEDIA_TYPES

Schema = dict[str, Any]

_COUNT: Schema = {"type": "integer", "minimum": 0}


@cache
def openapi() -> Schema:
    return {
        "openapi": "3.1.0",
        "info": {
            "title": settings.SITE_NAME,
            "version": _version(),
            "description": "OpenAI's API, answered from the documents that the key's person may read.",
        },
        "servers": [{"url": settings.PUBLIC_URL or "/"}],
        "security": [{"key": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "Made with `manage.py apikey create`."}
            },
            "schemas": _asked() | _answered(),
        },
    }


def _version() -> str:
    try:
        return version("footnote")
    except PackageNotFoundError:  # run from a folder that was never installed
        return "0"


def _paths() -> Schema:
    name = {"name": "model", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    whole = {
        "application/json": {"schema": _ref("Completion")},
        "text/event-stream": {"schema": _event()},
    }
    return {
        "/v1/models": {"get": _operation("listModels", "Routes, engines and the embedder", _json("Models"))},
        "/v1/models/{model}": {
            "get": _operation("getModel", "One of them", _json("Model"), 404) | {"parameters": [name]}
        },
        "/v1/chat/completions": {
            "post": _operation("createCompletion", "An answer with its sources", whole, 404, 408, 413, 422, 429, 503)
            | {"requestBody": {"required": True, "content": _json("CompletionRequest")}}
        },
        "/v1/embeddings": {
            "post": _operation("createEmbeddings", "Vectors of texts", _json("Embeddings"), 408, 413, 503)
            | {"requestBody": {"required": True, "content": _json("EmbeddingRequest")}}
        },
    }


def _event() -> Schema:
    chunk = _text() | {"contentMediaType": "application/json", "contentSchema": _ref("Chunk")}
    last = {"const": "[DONE]"}
    return _object({"data": {"anyOf": [last, chunk]}}, "data") | {"description": "Each event of the stream."}


def _operation(name: str, summary: str, content: Schema, *refusals: int) -> Schema:
    answers: Schema = {"200": {"description": summary, "content": content}}
    for status in (400, 401, *refusals):
        answers[str(status)] = {"description": _REFUSALS[status], "content": _json("Error")}
        if status in (429, 503):
            answers[str(status)]["headers"] = {"Retry-After": {"schema": {"type": "string", "pattern": "^[0-9]+$"}}}
    return {"operationId": name, "summary": summary, "responses": answers}


_REFUSALS = {
    400: "The request is not understood, or asks for what is not offered; `param` names the field.",
    401: "The key is missing or wrong.",
    404: "There is no model of that name.",
    408: "The body came too slowly.",
    413: "The body, or the question with its sources, is too long.",
    422: "Every model refused the question.",
    429: "The person, or this server, has too many answers running.",
    503: "Something that is needed is away, or all models are busy.",
}


def _asked() -> Schema:
    return {"Message": _message(), "CompletionRequest": _completion_request(), "EmbeddingRequest": _embedding_request()}


def _message() -> Schema:
    part = _object({"type": {"const": "text"}, "text": _text()}, "type", "text")
    return _object(
        {
            "role": {"enum": ["system", "developer", "user", "assistant"]},
            "content": {"anyOf": [_text(), {"type": "array", "items": part}]},
        },
        "role",
        "content",
    )


def _completion_request() -> Schema:
    name = _text(most=NAME_CHARACTERS)
    messages = {"type": "array", "minItems": 1, "maxItems": MESSAGES, "items": _ref("Message")}
    return _object(
        {
            "model": _or_null(
                name | {"description": "Of `/v1/models`, or a version's bare name; empty: the route of the page."}
            ),
            "messages": messages | {"description": "The last one is the user's question."},
            "stream": _or_null({"type": "boolean"}),
            "stream_options": _or_null(_object({"include_usage": {"type": "boolean"}})),
            "n": _or_null({"const": 1}),
            "user": _or_null(name),
            FIELD: _or_null(_narrowed()),
        }
        | _sampling(),
        "messages",
    )


def _narrowed() -> Schema:
    names = {"type": "array", "minItems": 1, "maxItems": COLLECTIONS, "items": _text(least=1, most=COLLECTION_NAME)}
    types = {"type": "array", "maxItems": TYPES, "items": {"enum": sorted(MEDIA_TYPES)}}
    moment = _text() | {"description": "A day, in UTC and whole, or a moment with its zone."}
    filters = {"types": types, "since": moment, "until": moment, "path": _text(most=PATH_CHARACTERS)}
    return _object(
        {
            "collections": _or_null(names | {"description": "Names or ids of collections that the person may read."}),
            "filters": _or_null(_object({name: _or_null(one) for name, one in filters.items()})),
        }
    ) | {"description": "What is searched; without it everything that the key's person may read."}


def _sampling() -> Schema:
    tokens = {"type": "integer", "minimum": 1, "maximum": 100_000}
    fields: Schema = {
        "max_tokens": tokens,
        "max_completion_tokens": tokens,
        "temperature": {"type": "number", "minimum": 0, "maximum": 2},
        "top_p": {"type": "number", "minimum": 0, "maximum": 1},
        "seed": {"type": "integer", "minimum": -(2**63), "maximum": 2**64 - 1},
        "stop": _stop(),
    }
    return {field: _or_null(schema) for field, schema in fields.items()}


def _stop() -> Schema:
    one = _text(least=1, most=STOP_CHARACTERS)
    return {"anyOf": [one, {"type": "array", "maxItems": STOPS, "items": one}]}


def _embedding_request() -> Schema:
    texts = {"type": "array", "minItems": 1, "maxItems": TEXTS, "items": _text(least=1, most=TEXT_CHARACTERS)}
    return _object(
        {
            "model": _or_null({"enum": ["", EMBEDDER]}),  # and its own name, which changes with the index version
            "input": {"anyOf": [_text(least=1, most=TEXT_CHARACTERS), texts]},
            "encoding_format": _or_null({"enum": ["float", "base64"]}),
            "user": _or_null(_text()),
        },
        "input",
    )


def _answered() -> Schema:
    return {"Error": _error()} | _models() | _cited() | _completions() | _embeddings()


def _error() -> Schema:
    error = _object(
        {
            "message": _text(least=1),
            "type": {"enum": ["invalid_request_error", "rate_limit_error", "server_error"]},
            "code": _text(least=1),
            "param": _or_null(_text()),
        },
        *("message", "type", "code", "param"),
    )
    return _object({"error": error}, "error")


def _models() -> Schema:
    model = {"id": _text(least=1), "object": {"const": "model"}, "created": _COUNT, "owned_by": _text()}
    return {
        "Model": _object(model, "id", "object"),
        "Models": _object({"object": {"const": "list"}, "data": _array_of("Model")}, "object", "data"),
        "Usage": _object(
            {"prompt_tokens": _COUNT, "completion_tokens": _COUNT, "total_tokens": _COUNT},
            *("prompt_tokens", "total_tokens"),
        ),
    }


def _cited() -> Schema:
    page = _or_null({"type": "integer"})
    document = _object({"id": _text(least=1), "name": _text(), "collection": _text()}, "id", "name", "collection")
    source = {"number": _COUNT, "document": document, "page": page, "heading": _text(), "text": _text()}
    citation = {"number": _COUNT, "document": _text(), "page": page, "quote": _text()}
    return {
        "Source": _object(source, "number", "document", "page", "text"),
        "Citation": _object(citation, "number", "document", "page", "quote"),
    }


def _completions() -> Schema:
    completion = {
        "id": _text(least=1),
        "object": {"const": "chat.completion"},
        "created": _COUNT,
        "model": _text(),
        "choices": _array_of("Choice") | {"minItems": 1, "maxItems": 1},
        "usage": _ref("Usage"),
        "engine": _text() | {"description": "Who wrote it, or its end: not always who was asked."},
        "note": _note(),
        "sources": _array_of("Source") | {"description": "What was found."},
        "citations": _array_of("Citation") | {"description": "What the answer rests on."},
        "unsupported": _places(),
    }
    return {"Choice": _choice(), "Completion": _object(completion, *completion), "Chunk": _chunk()}


def _choice() -> Schema:
    message = _object({"role": {"const": "assistant"}, "content": _text()}, "role", "content")
    choice = {"index": {"const": 0}, "message": message, "finish_reason": {"enum": ["stop", "length"]}}
    return _object(choice, *choice)


def _chunk() -> Schema:
    choices = {"type": "array", "description": "As OpenAI's; empty where a field beside it speaks."}
    return _object(
        {
            "object": {"const": "chat.completion.chunk"},
            "choices": choices,
            "usage": _ref("Usage"),
            "engine": _text(),
            "note": _note(),
            "sources": _array_of("Source"),
            "citations": _array_of("Citation"),
            "unsupported": _places(),
        },
        *("object", "choices"),
    )


def _places() -> Schema:
    said = (
        "Where sentences stand that the passages they name do not hold: first character, and the one behind the last."
    )
    place = {"type": "array", "items": _COUNT, "minItems": 2, "maxItems": 2}
    return {"type": "array", "items": place, "description": said}


def _note() -> Schema:
    said = "Why others did not write it, or that the answer was given before; for people, may be empty."
    return _text() | {"description": said}


def _embeddings() -> Schema:
    vector = {"anyOf": [_text(least=1), {"type": "array", "minItems": 1, "items": {"type": "number"}}]}
    embedding = {"object": {"const": "embedding"}, "index": _COUNT, "embedding": vector}
    embeddings = {
        "object": {"const": "list"},
        "model": _text(),
        "data": _array_of("Embedding") | {"minItems": 1},
        "usage": _ref("Usage"),
    }
    return {"Embedding": _object(embedding, *embedding), "Embeddings": _object(embeddings, *embeddings)}


def _json(name: str) -> Schema:
    return {"application/json": {"schema": _ref(name)}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _array_of(name: str) -> Schema:
    return {"type": "array", "items": _ref(name)}


def _object(properties: Schema, *required: str) -> Schema:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


def _text(*, least: int = 0, most: int | None = None) -> Schema:
    return {"type": "string"} | ({"minLength": least} if least else {}) | ({"maxLength": most} if most else {})


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}
