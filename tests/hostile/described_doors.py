"""A description (OpenAPI 3.1), made from the URL table, of the JSON doors that /v1/openapi.json does not tell of."""

from __future__ import annotations

import re
from typing import Any

from django.urls import get_resolver

from tests.access.doors import routes
from tests.access.table import read_table

Schema = dict[str, Any]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_KINDS: dict[str, Schema] = {"uuid": {"type": "string", "format": "uuid"}, "int": {"type": "integer", "minimum": 0}}
_ANY: Schema = {"type": "object"}


def _texts() -> Schema:
    return {"type": "array", "items": {"type": "string"}}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties}


_TEXT: Schema = {"type": "string"}
_ID: Schema = {"type": "string", "format": "uuid"}
_FILTERS = _object(types=_texts(), since=_TEXT, until=_TEXT, path=_TEXT)
_SOURCE = {"settings": _ANY, "key_name": _TEXT, "every_minutes": {"type": "integer"}}
_SIZES = {"chunk_tokens": {"type": ["integer", "null"]}, "chunk_overlap_tokens": {"type": ["integer", "null"]}}
_COLLECTION = {"name": _TEXT, "description": _TEXT, "everyone": {"type": "boolean"}, "readers": _texts(), **_SIZES}
_KEPT = {"pinned": {"type": "boolean"}, "archived": {"type": "boolean"}, "folder": {"type": ["string", "null"]}}
# What a door reads, so that requests get beyond its form. A door that is not named here takes any object.
BODIES: dict[tuple[str, str], Schema] = {
    ("/api/collections/", "POST"): _object(**_COLLECTION),
    ("/api/collections/<uuid:pk>/", "PATCH"): _object(**_COLLECTION),
    ("/api/documents/<uuid:pk>/", "PATCH"): _object(restricted={"type": "boolean"}, readers=_texts(), collection=_ID),
    ("/api/search/", "POST"): _object(question=_TEXT, collections=_texts(), filters=_FILTERS, k={"type": "integer"}),
    ("/api/ingestion/retry/", "POST"): _object(collection=_ID, code=_TEXT),
    ("/api/ingestion/cancel/", "POST"): _object(collection=_ID),
    ("/api/sources/", "POST"): _object(name=_TEXT, collection=_ID, kind=_TEXT, **_SOURCE),
    ("/api/sources/<uuid:pk>/", "PATCH"): _object(enabled={"type": "boolean"}, **_SOURCE),
    ("/api/conversations/<uuid:pk>/", "PATCH"): _object(title=_TEXT, **_KEPT),
    ("/api/conversations/several/", "POST"): _object(ids=_texts(), delete={"type": "boolean"}, **_KEPT),
    ("/api/conversations/<uuid:pk>/shares/", "POST"): _object(person=_TEXT, group={"type": "integer"}, message=_ID),
    ("/api/shares/<uuid:pk>/", "POST"): _object(message=_ID),
    ("/api/folders/", "POST"): _object(name=_TEXT),
    ("/api/folders/<uuid:pk>/", "PATCH"): _object(name=_TEXT),
    ("/api/messages/<uuid:pk>/rating/", "PUT"): _object(rating={"enum": ["good", "bad"]}, reasons=_texts(), text=_TEXT),
}
_QUERY = (
    "before", "limit", "page", "size", "name", "status", "collection", "code", "documents", "archived", "folder",
    "form", "message",
)  # fmt: skip


def description() -> Schema:
    paths: Schema = {}
    for route, methods in _methods().items():
        paths[re.sub(r"<\w+:(\w+)>", r"{\1}", route)] = {
            method.lower(): _operation(route, method) for method in methods
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "doors", "version": "1"},
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Error": _error()},
        },
    }


def _methods() -> dict[str, list[str]]:
    """Each route with the methods that the table of accesses says somebody finds there."""
    table = read_table()
    found = {}
    for route in ("/" + one for one, _ in routes(get_resolver())):
        if route.startswith("/api/"):
            found[route] = [method for method in METHODS if set(table.get((route, method), "m")) - set("ms")]
    return found


def _operation(route: str, method: str) -> Schema:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _KINDS[kind]}
        for kind, name in re.findall(r"<(\w+):(\w+)>", route)
    ]
    parameters += [{"name": name, "in": "query", "schema": _TEXT} for name in _QUERY if method == "GET"]
    failed = {
        "description": "refused",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }
    answers = {"2XX": {"description": "done"}, "4XX": failed, "503": failed}
    operation: Schema = {"operationId": f"{method} {route}", "parameters": parameters, "responses": answers}
    if method in ("POST", "PUT", "PATCH"):
        schema = BODIES.get((route, method), _ANY)
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return operation


def _error() -> Schema:
    fields = {"code": _TEXT, "message": _TEXT, "advice": _TEXT, "retryable": {"type": "boolean"}}
    told = {"type": "object", "properties": fields, "required": list(fields)}
    return {"type": "object", "properties": {"error": told}, "required": ["error"]}
