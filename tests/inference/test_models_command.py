"""`manage.py models` from a local file to a download that resumes."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.tiny_gguf import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def models_dir(tmp_path: Path, settings: Any) -> Path:
    settings.INFERENCE = replace(settings.INFERENCE, models_dir=tmp_path / "models")
    return tmp_path / "models"


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Serves bytes with ranges; with `breaks`, the first answer breaks off half way."""
    servers: list[ThreadingHTTPServer] = []

    def start(content: bytes, *, breaks: bool = False, ranges: list[str] | None = None) -> str:
        asked: list[str] = ranges if ranges is not None else []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.headers.get("Range") or "")
                start = int(asked[-1].removeprefix("bytes=").rstrip("-") or 0)
                body = content[start:]
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if breaks and len(asked) == 1 else body)

            def log_message(self, *_: Any) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/tiny.gguf"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def _models(*arguments: str) -> Any:
    out = StringIO()
    call_command("models", *arguments, "--json", stdout=out, stderr=StringIO())
    return json.loads(out.getvalue())


def test_the_first_model_added_is_the_default_until_another_is_chosen(tmp_path: Path) -> None:
    first = _models("add", str(make(tmp_path / "one.gguf")))
    assert (first["default"], first["quantization"], first["context_tokens"]) == (True, "F16", 4096)
    assert not _models("add", str(tmp_path / "one.gguf"), "--name", "two")["default"]
    assert _models("default", "two")["default"]
    assert {m["name"]: m["default"] for m in _models("list")["models"]} == {"one": False, "two": True}


def test_removing_a_model_leaves_a_file_that_was_not_pulled(tmp_path: Path, models_dir: Path) -> None:
    path = make(tmp_path / "one.gguf")
    _models("add", str(path))
    assert _models("remove", "one") == {"removed": "one"}
    assert path.exists() and _models("list") == {"models": []}


def test_a_download_that_breaks_off_is_resumed_and_checked(
    tmp_path: Path, models_dir: Path, serve: Callable[..., str]
) -> None:
    content = make(tmp_path / "tiny.gguf").read_bytes()
    ranges: list[str] = []
    digest = hashlib.sha256(content).hexdigest()
    model = _models("pull", serve(content, breaks=True, ranges=ranges), "--sha256", digest)
    assert (models_dir / "tiny.gguf").read_bytes() == content and model["sha256"] == digest
    assert ranges[0] == "" and ranges[1].startswith("bytes=")
    _models("remove", "tiny")
    assert not (models_dir / "tiny.gguf").exists()


def test_a_download_with_another_checksum_is_deleted(
    tmp_path: Path, models_dir: Path, serve: Callable[..., str]
) -> None:
    url = serve(make(tmp_path / "tiny.gguf").read_bytes())
    with pytest.raises(CommandError, match="SHA-256"):
        _models("pull", url, "--sha256", "0" * 64)
    assert list(models_dir.iterdir()) == [] and _models("list") == {"models": []}


@pytest.mark.parametrize("content", [b"", b"GGUF", b"not a model", b"GGUF" + b"\xff" * 5000])
def test_a_file_that_is_no_model_is_refused_with_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.gguf").write_bytes(content)
    with pytest.raises(CommandError, match="model"):
        _models("add", str(tmp_path / "bad.gguf"))


def test_a_model_cut_short_is_refused(tmp_path: Path) -> None:
    whole = make(tmp_path / "tiny.gguf").read_bytes()
    (tmp_path / "cut.gguf").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CommandError, match="model"):
        _models("add", str(tmp_path / "cut.gguf"))


@pytest.mark.parametrize("source", ["file:///etc/passwd.gguf", "hub:../../x.gguf", "ftp://host/x.gguf", "http://h/x"])
def test_a_source_that_is_not_a_model_on_the_web_is_refused(models_dir: Path, source: str) -> None:
    with pytest.raises(CommandError):
        _models("pull", source)


@pytest.mark.parametrize("action", ["remove", "default"])
def test_an_unknown_name_is_told(action: str) -> None:
    with pytest.raises(CommandError, match="no model of that name"):
        _models(action, "nobody")
