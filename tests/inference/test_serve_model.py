"""`manage.py serve_model` as a process of its own: the model that the registry names, from start to kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from io import StringIO
from pathlib import Path

import httpx
import numpy as np
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from inference.config import InferenceConfig
from inference.engine import Generation, Source, TextPiece, Writer
from inference.prompts import build_messages
from inference.routing.built_in import build_router
from inference.routing.router import Router
from tests.database import database_url
from tests.inference.reciting import slow
from tests.tiny_gguf import make
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
SOURCES = (Source(1, "leave.md", "Full-time staff have 28 days of paid leave in a calendar year.", score=0.9),)
MESSAGES = build_messages(question="What is said of staff?", history=(), sources=SOURCES, max_prompt_tokens=2700)
ASKED = Generation("turn", "What is said of staff?", MESSAGES, SOURCES, max_tokens=40, temperature=0)


@pytest.fixture
def socket_path(tmp_path: Path) -> Path:
    return tmp_path / "model.sock"


@pytest.fixture
def start(socket_path: Path, tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    running: list[subprocess.Popen[bytes]] = []

    def launch() -> subprocess.Popen[bytes]:
        environment = os.environ | {
            "DATABASE_URL": database_url(),
            "CHATAPP_VAR_DIR": str(settings.VAR_DIR),
            "CHATAPP_INTERNAL_TOKEN": "token",
            "MODEL_SERVICE_URLS": f"unix://{socket_path}",
        }
        command = [sys.executable, "manage.py", "serve_model"]
        with (tmp_path / "log").open("ab") as log:
            running.append(subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stdout=log, stderr=log))
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(socket_path)), base_url="http://model") as client:
            wait_until(lambda: _answers(client), 60)
        return running[-1]

    yield launch
    for process in running:
        if process.poll() is None:
            process.kill()
            process.wait(10)


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


def _route(socket_path: Path) -> Router:
    async def embed(texts: Sequence[str]) -> np.ndarray:
        return np.ones((len(texts), 1), dtype=np.float32)

    return build_router(InferenceConfig((f"unix://{socket_path}",), "token", socket_path.parent), embed)


def _add(path: Path, name: str) -> None:
    call_command("models", "add", str(path), "--name", name, "--json", stdout=StringIO())
    call_command("models", "default", name, "--json", stdout=StringIO())
    connections.close_all()  # of this thread: the test database could not be dropped


async def _answer(route: Router, asked: Generation = ASKED) -> tuple[str, list[str]]:
    pieces = [piece async for piece in route.stream(asked)]
    text = "".join(piece.text for piece in pieces if isinstance(piece, TextPiece))
    return text, [piece.engine for piece in pieces if isinstance(piece, Writer)]


async def test_a_model_that_is_added_answers_without_a_restart(
    start: Callable[[], subprocess.Popen[bytes]], socket_path: Path, quoting: Path
) -> None:
    process = start()
    text, writers = await _answer(_route(socket_path))
    assert writers == ["extractive"] and "28 days" in text
    await sync_to_async(_add)(quoting, "quoting")
    text, writers = await _answer(_route(socket_path))
    assert writers == ["local: quoting"] and "28 days of paid leave" in text and text.endswith("[1]")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) in (0, -signal.SIGTERM)  # uvicorn cleans up, then dies of the signal that it got


async def test_a_service_killed_in_an_answer_leaves_the_rest_to_the_quotes_and_comes_back(
    start: Callable[[], subprocess.Popen[bytes]], socket_path: Path, quoting: Path, tmp_path: Path
) -> None:
    process = start()
    await sync_to_async(_add)(slow(tmp_path / "slow.gguf"), "slow")
    writers = []
    async with aclosing(_route(socket_path).stream(ASKED)) as pieces:  # type: ignore[type-var]
        async for piece in pieces:
            if isinstance(piece, Writer):
                writers.append(piece.engine)
            elif writers == ["local: slow"] and process.poll() is None:
                process.kill()
                process.wait(10)
    assert writers == ["local: slow", "extractive"]
    await sync_to_async(_add)(quoting, "quoting")
    start()
    assert (await _answer(_route(socket_path)))[1] == ["local: quoting"]


async def test_a_file_that_kills_the_service_is_left_alone_after_the_second_death(
    start: Callable[[], subprocess.Popen[bytes]], socket_path: Path, tmp_path: Path
) -> None:
    path = make(tmp_path / "evil.gguf")
    await sync_to_async(_add)(path, "evil")
    _claim_layers(path, 2**31 - 1)  # replaced behind the registry's back, which refuses such files
    for _ in range(2):
        process = start()
        assert (await _answer(_route(socket_path)))[1][-1] == "extractive"
        assert process.wait(20) == -signal.SIGABRT
    process = start()
    assert (await _answer(_route(socket_path)))[1][-1] == "extractive"
    assert process.poll() is None
    listed = StringIO()
    await sync_to_async(call_command)("models", "list", stdout=listed)
    assert "evil: The model service died twice while it loaded this file." in listed.getvalue()
    make(path, seed=1)
    assert (await _answer(_route(socket_path)))[1] == ["local: evil"]
    listed = StringIO()
    await sync_to_async(call_command)("models", "list", stdout=listed)
    assert "died" not in listed.getvalue()
    await sync_to_async(connections.close_all)()


def _claim_layers(path: Path, layers: int) -> None:
    content = path.read_bytes()
    at = content.index(b"llama.block_count") + len(b"llama.block_count") + 4  # the number's type
    path.write_bytes(content[:at] + layers.to_bytes(4, "little") + content[at + 4 :])
