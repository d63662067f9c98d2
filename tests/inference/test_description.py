"""The OpenAPI description of the model service, held against the running service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from inference.config import InferenceConfig, LocalModel
from inference.server import create_app
from tests.described import hold_against
from tests.served import served
from tests.tiny_gguf import make


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    model = LocalModel("tiny", make(tmp_path / "tiny.gguf"))
    config = InferenceConfig((), "token", tmp_path, context_tokens=512, max_answer_tokens=8)
    with served(create_app(config, lambda: [model])) as address:
        yield address


def test_the_description_is_there_without_a_key_and_names_every_door(url: str) -> None:
    found = httpx.get(f"{url}/openapi.json").json()
    assert found["openapi"].startswith("3.1")
    wanted = ["/healthz", "/metrics", "/openapi.json", "/readyz", "/v1/chat/completions", "/v1/models"]
    assert sorted(found["paths"]) == wanted


def test_whatever_is_sent_the_answer_is_as_described(url: str, tmp_path: Path) -> None:
    hold_against(f"{url}/openapi.json", key="token", folder=tmp_path, examples=60)
    assert httpx.get(f"{url}/readyz").json()["ready"]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "string"}, "minItems": 1_000_000_000},
        {"type": "object", "properties": {"a": {"type": "string", "maxLength": 10**12}}},
        {"type": "string", "pattern": "^a{1000000000}$"},
    ],
)
def test_a_schema_whose_grammar_would_fill_the_memory_is_refused(url: str, schema: dict[str, object]) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    body = {"messages": [{"role": "user", "content": "x"}], "response_format": wanted}
    refused = httpx.post(f"{url}/v1/chat/completions", json=body, headers={"Authorization": "Bearer token"}, timeout=10)
    assert refused.status_code == 400 and "1000 times" in refused.json()["error"]["message"]
