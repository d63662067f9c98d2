"""What the model service holds in memory while models are loaded, replaced, asked for and left."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from inference.batching.contract import DecodeFailed
from inference.config import InferenceConfig, LocalModel
from inference.errors import EngineUnavailable
from inference.llama import context as contexts
from inference.llama import model as models
from inference.serving import host as hosts
from inference.serving.host import ModelHost
from tests import tiny_gguf
from tests.tiny_gguf import make


@pytest.fixture
def open_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the models whose weights are in memory, as often as they are."""
    found: list[str] = []

    class Counted(models.LlamaModel):
        def __init__(self, path: Path, **values: Any) -> None:
            super().__init__(path, **values)
            found.append(path.stem)

        def close(self) -> None:
            if self._model:
                found.remove(Path(self.name).stem)
            super().close()

    monkeypatch.setattr(models, "LlamaModel", Counted)
    return found


@pytest.fixture
def installed(tmp_path: Path) -> list[LocalModel]:
    return [LocalModel(name, make(tmp_path / f"{name}.gguf")) for name in ("one", "two")]


Hosting = Callable[..., Any]


@pytest.fixture
def hosting(tmp_path: Path, installed: list[LocalModel]) -> Hosting:
    @asynccontextmanager
    async def host(**values: Any) -> AsyncIterator[ModelHost]:
        config = InferenceConfig((), "token", tmp_path, context_tokens=256, gpu_layers=0, **{"streams": 1} | values)
        made = ModelHost(config, lambda: list(installed))
        try:
            yield made
        finally:
            await made.close()

    return host


class Gate:
    """Holds up contexts that are made, until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.arrived, self._open = threading.Event(), threading.Event()
        original = contexts.LlamaContext

        def made(model: Any, **values: Any) -> Any:
            self.arrived.set()
            assert self._open.wait(10)
            return original(model, **values)

        monkeypatch.setattr(contexts, "LlamaContext", made)

    def open(self) -> None:
        self._open.set()

    async def reached(self) -> None:
        async with asyncio.timeout(10):
            while not self.arrived.is_set():
                await asyncio.sleep(0.01)


async def _leased(host: ModelHost, name: str) -> str:
    async with host.lease(name) as loaded:
        return loaded.installed.path.stem


async def test_a_model_in_memory_answers_while_another_one_is_loaded(
    hosting: Hosting, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hosting() as host:
        await _leased(host, "one")
        gate = Gate(monkeypatch)
        second = asyncio.create_task(_leased(host, "two"))
        await gate.reached()
        async with asyncio.timeout(2):
            assert await _leased(host, "one") == "one" and await _leased(host, "default") == "one"
        assert not second.done()
        gate.open()
        assert await second == "two"


async def test_those_who_ask_for_a_model_at_once_load_it_once(hosting: Hosting, open_files: list[str]) -> None:
    async with hosting() as host, AsyncExitStack() as stack:
        leased = await asyncio.gather(*(stack.enter_async_context(host.lease("one")) for _ in range(5)))
        assert open_files == ["one"] and len({id(loaded) for loaded in leased}) == 1 and leased[0].users == 5
    assert open_files == []


async def test_somebody_who_leaves_during_a_load_leaves_the_model_to_the_next_one(
    hosting: Hosting, open_files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hosting() as host:
        gate = Gate(monkeypatch)
        asking = asyncio.create_task(_leased(host, "one"))
        await gate.reached()
        asking.cancel()
        await asyncio.wait({asking}, timeout=1)
        assert asking.cancelled()
        gate.open()
        assert await _leased(host, "one") == "one" and open_files == ["one"]
    assert open_files == []


@pytest.mark.parametrize("error", [DecodeFailed("llama_decode: -3"), EngineUnavailable(), RuntimeError("a fault")])
async def test_a_load_that_fails_leaves_no_weights_in_memory(
    hosting: Hosting, open_files: list[str], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async with hosting() as host:
        with monkeypatch.context() as patched:
            if isinstance(error, DecodeFailed):
                patched.setattr(contexts.LlamaContext, "_measured_granule", _raise(error))
            else:
                patched.setattr(contexts, "LlamaContext", _raise(error))
            with pytest.raises(RuntimeError if isinstance(error, RuntimeError) else EngineUnavailable):
                await _leased(host, "one")
        assert open_files == []
        assert await _leased(host, "one") == "one"


def _raise(error: Exception) -> Callable[..., Any]:
    def fail(*_arguments: Any, **_values: Any) -> Any:
        raise error

    return fail


# -- the budget ------------------------------------------------------------------------------------------------------
ONE_MODEL = 5_000_000  # more than one of the tests' models needs, and less than two


async def test_a_model_that_is_replaced_in_use_keeps_its_part_of_the_budget_until_its_last_answer(
    hosting: Hosting, installed: list[LocalModel], tmp_path: Path, open_files: list[str]
) -> None:
    async with hosting(memory_bytes=ONE_MODEL) as host:
        async with host.lease("one") as old:
            installed[0] = LocalModel("one", make(tmp_path / "new.gguf", seed=2))
            asking = asyncio.create_task(_leased(host, "one"))
            await asyncio.sleep(0.3)
            assert open_files == ["one"] and not asking.done() and not old.thread.broken
        assert await asyncio.wait_for(asking, 5) == "new"
        assert open_files == ["new"]


async def test_a_load_does_not_wait_for_ever_for_answers_of_a_model_that_leaves(
    hosting: Hosting, installed: list[LocalModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "_LEAVING_S", 0.2)
    async with hosting(memory_bytes=ONE_MODEL) as host, host.lease("one"):
        installed[0] = LocalModel("one", make(tmp_path / "new.gguf", seed=2))
        with pytest.raises(EngineUnavailable, match="about to leave"):
            await _leased(host, "one")


async def test_an_idle_model_makes_room_for_another(hosting: Hosting, open_files: list[str]) -> None:
    async with hosting(memory_bytes=ONE_MODEL) as host:
        await _leased(host, "one")
        await _leased(host, "two")
        assert open_files == ["two"]


async def test_a_model_that_can_never_fit_throws_no_other_one_out(
    hosting: Hosting,
    installed: list[LocalModel],
    tmp_path: Path,
    open_files: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tiny_gguf, "LAYERS", 40)
    installed.append(LocalModel("large", make(tmp_path / "large.gguf")))
    async with hosting(memory_bytes=ONE_MODEL) as host:
        await _leased(host, "one")
        with pytest.raises(EngineUnavailable, match="not enough memory"):
            await _leased(host, "large")
        assert open_files == ["one"]


async def test_a_model_that_was_removed_leaves_the_memory_with_the_next_question(
    hosting: Hosting, installed: list[LocalModel], open_files: list[str]
) -> None:
    async with hosting() as host:
        await _leased(host, "one")
        del installed[0]
        assert await _leased(host, "default") == "two" and open_files == ["two"]


async def test_a_model_that_nobody_asks_for_leaves_the_memory(hosting: Hosting, open_files: list[str]) -> None:
    async with hosting(unload_after_s=0.1) as host:
        await _leased(host, "one")
        begun = time.monotonic()
        while open_files and time.monotonic() - begun < 5:
            await asyncio.sleep(0.02)
        assert open_files == []
