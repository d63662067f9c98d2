"""The description of /v1/ in the form of OpenAPI 3.1. A test holds the running doors against it."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from django.conf import settings

from chatapp.openai.bodies import EMBEDDER, TEXT_CHARACTERS, TEXTS
from inference.serving.request_form import MESSAGES, NAME_CHARACTERS, STOP_CHARACTERS, STOPS

Schema = dict[str, Any]


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
    texts = {"type": "array", "minItems": 1, "maxItems": TEXTS, "items": _text(least=1, most=TEXT_CHARACTERS)}
    part = _object({"type": {"const": "text"}, "text": _text()}, "type", "text")
    return {
        "Message": _object(
            {
                "role": {"enum": ["system", "developer", "user", "assistant"]},
                "content": {"anyOf": [_text(), {"type": "array", "items": part}]},
            },
            "role",
            "content",
        ),
        "CompletionRequest": _object(
            {
                "model": _or_null(
                    _text(most=NAME_CHARACTERS)
                    | {"description": "Of `/v1/models`, or a version's bare name; empty: the route of the page."}
                ),
                "messages": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": MESSAGES,
                    "items": _ref("Message"),
                    "description": "The last one is the user's question.",
                },
                "stream": _or_null({"type": "boolean"}),
                "stream_options": _or_null(_object({"include_usage": {"type": "boolean"}})),
                "max_tokens": _or_null({"type": "integer", "minimum": 1, "maximum": 100_000}),
                "max_completion_tokens": _or_null({"type": "integer", "minimum": 1, "maximum": 100_000}),
                "temperature": _or_null({"type": "number", "minimum": 0, "maximum": 2}),
                "top_p": _or_null({"type": "number", "minimum": 0, "maximum": 1}),
                "seed": _or_null({"type": "integer", "minimum": -(2**63), "maximum": 2**64 - 1}),
                "stop": _or_null(_stop()),
                "n": _or_null({"const": 1}),
                "user": _or_null(_text(most=NAME_CHARACTERS)),
            },
            "messages",
        ),
        "EmbeddingRequest": _object(
            {
                "model": _or_null({"enum": ["", EMBEDDER, settings.RETRIEVAL.embedding_model]}),
                "input": {"anyOf": [_text(least=1, most=TEXT_CHARACTERS), texts]},
                "encoding_format": _or_null({"enum": ["float", "base64"]}),
                "user": _or_null(_text()),
            },
            "input",
        ),
    }


def _stop() -> Schema:
    one = _text(least=1, most=STOP_CHARACTERS)
    return {"anyOf": [one, {"type": "array", "maxItems": STOPS, "items": one}]}


def _answered() -> Schema:
    count = {"type": "integer", "minimum": 0}
    page = _or_null({"type": "integer"})
    document = _object({"id": _text(least=1), "name": _text(), "collection": _text()}, "id", "name", "collection")
    return {
        "Error": _object(
            {
                "error": _object(
                    {
                        "message": _text(least=1),
                        "type": {"enum": ["invalid_request_error", "rate_limit_error", "server_error"]},
                        "code": _text(least=1),
                        "param": _or_null(_text()),
                    },
                    *("message", "type", "code", "param"),
                )
            },
            "error",
        ),
        "Model": _object(
            {"id": _text(least=1), "object": {"const": "model"}, "created": count, "owned_by": _text()}, "id", "object"
        ),
        "Models": _object(
            {"object": {"const": "list"}, "data": {"type": "array", "items": _ref("Model")}}, "object", "data"
        ),
        "Usage": _object(
            {"prompt_tokens": count, "completion_tokens": count, "total_tokens": count}, "prompt_tokens", "total_tokens"
        ),
        "Source": _object(
            {"number": count, "document": document, "page": page, "heading": _text(), "text": _text()},
            *("number", "document", "page", "text"),
        ),
        "Citation": _object(
            {"number": count, "document": _text(), "page": page, "quote": _text()},
            *("number", "document", "page", "quote"),
        ),
        "Choice": _object(
            {
                "index": {"const": 0},
                "message": _object({"role": {"const": "assistant"}, "content": _text()}, "role", "content"),
                "finish_reason": {"enum": ["stop", "length"]},
            },
            *("index", "message", "finish_reason"),
        ),
        "Completion": _object(
            {
                "id": _text(least=1),
                "object": {"const": "chat.completion"},
                "created": count,
                "model": _text(),
                "choices": {"type": "array", "minItems": 1, "maxItems": 1, "items": _ref("Choice")},
                "usage": _ref("Usage"),
                "engine": _text() | {"description": "Who wrote it, or its end: not always who was asked."},
                "note": _text() | {"description": "Why others did not; for people, may be empty."},
                "sources": {"type": "array", "items": _ref("Source"), "description": "What was found."},
                "citations": {"type": "array", "items": _ref("Citation"), "description": "What the answer rests on."},
            },
            *("id", "object", "created", "model", "choices", "usage", "engine", "note", "sources", "citations"),
        ),
        "Chunk": _object(
            {
                "object": {"const": "chat.completion.chunk"},
                "choices": {"type": "array", "description": "As OpenAI's; empty where a field beside it speaks."},
                "usage": _ref("Usage"),
                "engine": _text(),
                "note": _text(),
                "sources": {"type": "array", "items": _ref("Source")},
                "citations": {"type": "array", "items": _ref("Citation")},
            },
            *("object", "choices"),
        ),
        "Embedding": _object(
            {
                "object": {"const": "embedding"},
                "index": count,
                "embedding": {"anyOf": [_text(least=1), {"type": "array", "minItems": 1, "items": {"type": "number"}}]},
            },
            *("object", "index", "embedding"),
        ),
        "Embeddings": _object(
            {
                "object": {"const": "list"},
                "model": _text(),
                "data": {"type": "array", "minItems": 1, "items": _ref("Embedding")},
                "usage": _ref("Usage"),
            },
            *("object", "model", "data", "usage"),
        ),
    }


def _json(name: str) -> Schema:
    return {"application/json": {"schema": _ref(name)}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Schema, *required: str) -> Schema:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


def _text(*, least: int = 0, most: int | None = None) -> Schema:
    return {"type": "string"} | ({"minLength": least} if least else {}) | ({"maxLength": most} if most else {})


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}
