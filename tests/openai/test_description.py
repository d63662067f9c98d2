"""The OpenAPI description of /v1/, held against the running web process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from chatapp.accounts.keys import create_key
from retrieval.models import Document
from tests.conftest import Cast
from tests.conversations.model_double import ModelDouble
from tests.conversations.web import Web

# Not asked: whether every request that fits the form is taken. The last message must be a question, too.
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
)


def test_the_description_is_there_without_a_key_and_names_every_door(web: Web) -> None:
    found = httpx.get(f"{web.url}/v1/openapi.json").json()
    assert found["openapi"].startswith("3.1")
    assert sorted(found["paths"]) == ["/v1/chat/completions", "/v1/embeddings", "/v1/models", "/v1/models/{model}"]
    assert httpx.post(f"{web.url}/v1/openapi.json").headers["Allow"] == "GET"


@pytest.mark.parametrize("path", ["/v1/models", "/v1/chat/completions", "/v1/embeddings"])
def test_whatever_is_sent_the_answer_is_as_described(
    path: str, web: Web, cast: Cast, handbook: Document, model: ModelDouble, tmp_path: Path
) -> None:
    model.words = ["Everybody has ", "28 days [1]."]
    key = create_key(user=cast.alice, name="test")
    command = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run"]
    line = [*command, f"{web.url}/v1/openapi.json", "--url", web.url, "--include-path-regex", f"^{path}"]
    line += ["--header", f"Authorization: Bearer {key}", "--checks", ",".join(CHECKS), "--seed", "7"]
    line += ["--max-examples", "40", "--phases", "examples,coverage,fuzzing", "--no-color", "--warnings", "off"]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
