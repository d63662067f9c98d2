"""The doors of the index and the model service: each asks for the token of this house, but for what says how it is."""

from __future__ import annotations

import dataclasses

import pytest
from django.conf import settings
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from inference.server import create_app as model_service
from retrieval.service.server import create_app as index_service

OPEN = {"/healthz", "/readyz", "/openapi.json"}
_TOKEN = "of this house"


def index() -> Starlette:
    return index_service(dataclasses.replace(settings.RETRIEVAL, internal_token=_TOKEN))


def model() -> Starlette:
    return model_service(dataclasses.replace(settings.INFERENCE, internal_token=_TOKEN), list)


def doors(app: Starlette) -> list[tuple[str, str]]:
    found = [(method, one.path) for one in app.routes if isinstance(one, Route) for method in one.methods or ()]
    assert len(found) == 2 * len(app.routes) - sum(methods == {"POST"} for methods in _methods(app))
    return found


def _methods(app: Starlette) -> list[set[str]]:
    return [set(one.methods or ()) for one in app.routes if isinstance(one, Route)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("service", [index, model])
@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer wrong", _TOKEN, f"bearer {_TOKEN}"])
def test_without_the_token_only_health_answers(service: object, header: str) -> None:
    app = service()  # type: ignore[operator]
    client = TestClient(app, raise_server_exceptions=False)
    for method, path in doors(app):
        answer = client.request(method, path, headers={"Authorization": header} if header else {})
        assert (answer.status_code == 401) == (path not in OPEN), (method, path, answer.status_code)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("service", [index, model])
def test_with_it_each_door_looks_at_the_request(service: object) -> None:
    app = service()  # type: ignore[operator]
    client = TestClient(app, raise_server_exceptions=False)
    for method, path in doors(app):
        answer = client.request(method, path, headers={"Authorization": f"Bearer {_TOKEN}"})
        assert answer.status_code not in (401, 403, 404), (method, path)
