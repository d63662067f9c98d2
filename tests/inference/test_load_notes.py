"""Which deaths of the model service are put down to the file that it was loading."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from inference.config import InferenceConfig, LocalModel
from inference.errors import EngineUnavailable, ModelFileRejected
from inference.llama import model as models
from inference.serving.host import ModelHost
from inference.serving.load_notes import BarredModelFile, why_not_loaded
from tests.inference.dying_service import die, loading
from tests.tiny_gguf import make


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return make(tmp_path / "one.gguf")


@asynccontextmanager
async def service(path: Path) -> AsyncIterator[ModelHost]:
    host = ModelHost(_config(path), lambda: [LocalModel("one", path)])
    try:
        yield host
    finally:
        await host.close()


async def asked(path: Path) -> None:
    async with service(path) as host, host.lease("one"):
        pass


def notes(path: Path) -> list[Path]:
    return list((path.parent / ".loads").glob("*"))


def _config(path: Path) -> InferenceConfig:
    return InferenceConfig((), "token", path.parent, context_tokens=256, gpu_layers=0, streams=1)


def why(path: Path) -> str:
    return why_not_loaded(_config(path), path)


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGKILL, signal.SIGSEGV])
async def test_after_two_deaths_a_file_is_refused_until_its_note_is_deleted(path: Path, number: signal.Signals) -> None:
    die(path, number)
    assert not why(path)
    die(path, number)
    with pytest.raises(BarredModelFile) as refused:
        await asked(path)
    (note,) = notes(path)
    assert isinstance(refused.value, ModelFileRejected) and refused.value.code == "model_file_rejected"
    assert not refused.value.retryable and str(note) in refused.value.advice and str(note) in why(path)
    assert json.loads(note.read_text())["file"] == str(path)
    note.unlink()
    assert not why(path)
    await asked(path)


async def test_another_file_in_its_place_is_loaded(path: Path) -> None:
    die(path)
    die(path)
    make(path, seed=1)
    assert not why(path)
    await asked(path)


async def test_a_file_that_loads_after_one_death_was_not_to_blame(path: Path) -> None:
    die(path)
    await asked(path)
    assert not notes(path)
    die(path)
    await asked(path)


async def test_a_death_long_ago_does_not_count_and_a_ban_ends(path: Path) -> None:
    die(path)
    (note,) = notes(path)
    told = json.loads(note.read_text())
    note.write_text(json.dumps(told | {"loads": [told["loads"][0] - 100_000]}))
    die(path)
    assert not why(path)
    die(path)
    assert why(path)
    month_ago = time.time() - 31 * 86_400
    os.utime(note, (month_ago, month_ago))
    await asked(path)
    assert not notes(path)


@pytest.mark.parametrize("error", [MemoryError(), EngineUnavailable("There is not enough memory.")])
async def test_a_load_that_raises_leaves_no_note(path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*values: Any, **named: Any) -> None:
        assert len(notes(path)) == 1
        raise error

    monkeypatch.setattr(models, "LlamaModel", failing)
    for _ in range(3):
        with pytest.raises(type(error)):
            await asked(path)
        assert not notes(path)


@pytest.fixture
def long_load(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Set once a load is under way; it ends after the test."""
    arrived, ends = threading.Event(), threading.Event()
    original = models.LlamaModel

    def slow(*values: Any, **named: Any) -> Any:
        arrived.set()
        assert ends.wait(20)
        return original(*values, **named)

    monkeypatch.setattr(models, "LlamaModel", slow)
    monkeypatch.setattr("inference.serving.host._CLOSE_S", 0.1)
    yield arrived
    ends.set()


async def test_a_service_that_is_stopped_while_it_loads_leaves_no_note(path: Path, long_load: threading.Event) -> None:
    async with service(path) as host:
        under_way = asyncio.create_task(_lease(host))
        assert await asyncio.to_thread(long_load.wait, 10)
        assert len(notes(path)) == 1 and not why(path)
    assert not notes(path)
    under_way.cancel()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_service_that_is_killed_soon_after_it_was_told_to_stop_leaves_no_note(
    path: Path, number: signal.Signals
) -> None:
    with loading(path) as process:
        assert len(notes(path)) == 1
        process.send_signal(number)
        time.sleep(0.5)
        assert process.poll() is None
        process.kill()
        process.wait(10)
    assert not notes(path)


async def test_two_services_that_load_a_file_at_once_blame_nobody(path: Path, long_load: threading.Event) -> None:
    async with service(path) as host:
        under_way = asyncio.create_task(_lease(host))
        assert await asyncio.to_thread(long_load.wait, 10)
        for _ in range(2):
            die(path)
        assert not why(path)
        under_way.cancel()


async def test_a_folder_that_cannot_be_written_keeps_no_model_from_answering(path: Path) -> None:
    (path.parent / ".loads").write_text("no folder")
    await asked(path)


async def _lease(host: ModelHost) -> None:
    async with host.lease("one"):
        pass
