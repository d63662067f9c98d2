"""The description of the model service in the form of OpenAPI 3.1. A test holds the running service against it."""

from __future__ import annotations

from functools import cache
from typing import Any

from inference.serving.request_form import (
    BIASES,
    GRAMMAR_CHARACTERS,
    MESSAGES,
    NAME_CHARACTERS,
    STOP_CHARACTERS,
    STOPS,
)

Schema = dict[str, Any]
_COUNT: Schema = {"type": "integer", "minimum": 0}
_REFUSALS = {
    400: "The request is not understood; the message names the field.",
    401: "The key is missing or wrong.",
    404: "There is no model of that name.",
    413: "The prompt is longer than the model's context.",
    422: "llama.cpp cannot load the model's file.",
    503: "No model is there, its memory is short, or its queue is full.",
}


@cache
def openapi() -> Schema:
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Footnote's model service",
            "version": "1",
            "description": "OpenAI's chat completions from GGUF files, for Footnote's own processes.",
        },
        "security": [{"key": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "`CHATAPP_INTERNAL_TOKEN`."}
            },
            "schemas": _asked() | _answered(),
        },
    }


def _paths() -> Schema:
    whole = _json("Completion") | {"text/event-stream": {"schema": _event()}}
    completions = _operation("createCompletion", "An answer", whole, 400, 401, 404, 413, 422, 503)
    ready = _operation("isReady", "A model is installed", _json("Ready"), guarded=False)
    ready["responses"]["503"] = {"description": "No model is installed.", "content": _json("Ready")}
    text = {"text/plain": {"schema": {"type": "string"}}}
    return {
        "/v1/models": {"get": _operation("listModels", "The models, the default one first", _json("Models"), 401)},
        "/v1/chat/completions": {
            "post": completions | {"requestBody": {"required": True, "content": _json("CompletionRequest")}}
        },
        "/healthz": {"get": _operation("isAlive", "The process lives", _json("Health"), guarded=False)},
        "/readyz": {"get": ready},
        "/metrics": {"get": _operation("readMetrics", "Prometheus metrics", text, 401)},
        "/openapi.json": {
            "get": _operation("describe", "This description", _any_json(), guarded=False),
        },
    }


def _event() -> Schema:
    chunk = {"type": "string", "contentMediaType": "application/json", "contentSchema": _ref("Chunk")}
    error = chunk | {"contentSchema": _ref("Error")}
    return _object({"data": {"anyOf": [{"const": "[DONE]"}, chunk, error]}}, "data")


def _operation(name: str, summary: str, content: Schema, *refusals: int, guarded: bool = True) -> Schema:
    answers: Schema = {"200": {"description": summary, "content": content}}
    for status in refusals:
        answers[str(status)] = {"description": _REFUSALS[status], "content": _json("Error")}
    if "503" in answers:
        retry = {"schema": {"type": "string", "pattern": "^[0-9]+$"}}
        answers["503"]["headers"] = {"Retry-After": retry}
    described = {"operationId": name, "summary": summary, "responses": answers}
    return described if guarded else described | {"security": []}


# -- what is asked -----------------------------------------------------------------------------------------------------
def _asked() -> Schema:
    part = _object({"type": {"const": "text"}, "text": {"type": "string"}}, "text")
    return {
        "Message": _object(
            {
                "role": {"enum": ["system", "developer", "user", "assistant"]},
                "content": {"anyOf": [{"type": "string"}, {"type": "array", "items": part}]},
            },
            *("role", "content"),
        ),
        "CompletionRequest": _object(
            {name: _or_null(one) for name, one in _optional().items()} | _messages(), "messages"
        ),
    }


def _messages() -> Schema:
    return {"messages": {"type": "array", "minItems": 1, "maxItems": MESSAGES, "items": _ref("Message")}}


def _optional() -> Schema:
    name = {"type": "string", "maxLength": NAME_CHARACTERS}
    return {
        "model": name | {"description": 'A name, or "default".'},
        "stream": {"type": "boolean"},
        "stream_options": _object({"include_usage": _or_null({"type": "boolean"})}),
        "n": {"const": 1},
        "user": name | {"description": "Users take turns."},
        "safety_identifier": name,
        "prompt_cache_key": name | {"description": "Who may share computed prompts; the user otherwise."},
        "footnote_public_messages": _integer(0, MESSAGES)
        | {"description": "So many messages from the first on are the same for everybody."},
        "footnote_timeout_s": _number(0, 86_400) | {"description": "The answer ends then, with what there is."},
        **_sampling(),
    }


def _sampling() -> Schema:
    stop = {"type": "string", "minLength": 1, "maxLength": STOP_CHARACTERS}
    return {
        "max_tokens": _integer(1, 100_000),
        "max_completion_tokens": _integer(1, 100_000),
        "temperature": _number(0, 2),
        "top_p": _number(0, 1),
        "top_k": _integer(1, 1000),
        "min_p": _number(0, 1),
        "seed": _integer(-(2**63), 2**64 - 1),
        "stop": {"anyOf": [stop, {"type": "array", "maxItems": STOPS, "items": stop}]},
        "frequency_penalty": _number(-2, 2),
        "presence_penalty": _number(-2, 2),
        "repeat_penalty": _number(0.1, 10),
        "logit_bias": {
            "type": "object",
            "maxProperties": BIASES,
            "propertyNames": {"pattern": "^[0-9]{1,9}$"},
            "additionalProperties": _or_null(_number(-100, 100)),
        },
        "logprobs": {"type": "boolean"},
        "top_logprobs": _integer(0, 20),
        "grammar": {"type": "string", "maxLength": GRAMMAR_CHARACTERS, "description": "GBNF"},
        "response_format": {
            "anyOf": [
                _object({"type": {"enum": ["text", "json_object"]}}, "type"),
                _object({"type": {"const": "json_schema"}, "json_schema": _schema()}, "type", "json_schema"),
            ]
        },
    }


def _schema() -> Schema:
    return _object({"name": {"description": "Not used."}, "schema": {"type": "object"}}, "schema")


# -- what is answered --------------------------------------------------------------------------------------------------
def _answered() -> Schema:
    text, model = {"type": "string"}, {"id": {"type": "string", "minLength": 1}, "object": {"const": "model"}}
    error = {"message": {"type": "string", "minLength": 1}, "code": text, "param": {"type": ["string", "null"]}}
    choice = {"index": {"const": 0}, "message": _ref("Message"), "finish_reason": {"enum": ["stop", "length"]}}
    return {
        "Error": _object(
            {
                "error": _object(
                    error | {"type": {"enum": ["invalid_request_error", "server_error"]}},
                    *("message", "type", "code", "param"),
                )
            },
            "error",
        ),
        "Health": _object({"status": {"const": "ok"}}, "status"),
        "Ready": _object({"ready": {"type": "boolean"}, "model": text, "problem": text}, "ready"),
        "Models": _object(
            {"object": {"const": "list"}, "data": _array(_object(model, "id", "object"))}, "object", "data"
        ),
        "Choice": _object(
            choice | {"logprobs": _object({"content": _array(_ref("Token"))})}, "index", "message", "finish_reason"
        ),
        "Token": _object(
            {"token": text, "logprob": {"type": "number"}, "bytes": _array(_COUNT), "top_logprobs": _array({})},
            *("token", "logprob", "bytes"),
        ),
        "Usage": _object(
            {"prompt_tokens": _COUNT, "completion_tokens": _COUNT, "total_tokens": _COUNT},
            *("prompt_tokens", "completion_tokens", "total_tokens"),
        ),
        "Chunk": _object(
            {
                "object": {"const": "chat.completion.chunk"},
                "choices": {"type": "array", "description": "As OpenAI's; empty where a field beside it speaks."},
                "usage": _ref("Usage"),
                "footnote_progress": {"type": "object", "description": "The place in the queue; what was read."},
            },
            *("object", "choices"),
        ),
        "Completion": _object(
            {
                "id": text,
                "object": {"const": "chat.completion"},
                "created": _COUNT,
                "model": text,
                "choices": _array(_ref("Choice")),
                "usage": _ref("Usage"),
            },
            *("id", "object", "created", "model", "choices", "usage"),
        ),
    }


def _json(name: str) -> Schema:
    return {"application/json": {"schema": _ref(name)}}


def _any_json() -> Schema:
    return {"application/json": {"schema": {"type": "object"}}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Schema, *required: str) -> Schema:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


def _array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _number(least: float, most: float) -> Schema:
    return {"type": "number", "minimum": least, "maximum": most}


def _integer(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}
