"""The OpenAPI description of /v1/, held against the running web process."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from chatapp.accounts.keys import create_key
from retrieval.models import Document
from tests.conftest import Cast
from tests.conversations.model_double import ModelDouble
from tests.conversations.web import Web
from tests.described import CHECKS, hold_against


def test_the_description_is_there_without_a_key_and_names_every_door(web: Web) -> None:
    found = httpx.get(f"{web.url}/v1/openapi.json").json()
    assert found["openapi"].startswith("3.1")
    assert sorted(found["paths"]) == ["/v1/chat/completions", "/v1/embeddings", "/v1/models", "/v1/models/{model}"]
    assert httpx.post(f"{web.url}/v1/openapi.json").headers["Allow"] == "GET"
    for answer in ("Completion", "Chunk"):
        assert "given before" in found["components"]["schemas"][answer]["properties"]["note"]["description"]


@pytest.mark.parametrize("path", ["/v1/models", "/v1/chat/completions", "/v1/embeddings"])
def test_whatever_is_sent_the_answer_is_as_described(
    path: str, web: Web, cast: Cast, handbook: Document, model: ModelDouble, tmp_path: Path
) -> None:
    model.words = ["Everybody has ", "28 days [1]."]
    key = create_key(user=cast.alice, name="test")
    hold_against(
        f"{web.url}/v1/openapi.json",
        *("--url", web.url, "--include-path-regex", f"^{path}"),
        key=key,
        folder=tmp_path,
        examples=40,
        checks=(*CHECKS, "allow_header_conformance"),
    )
