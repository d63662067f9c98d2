"""Models and a model service for the tests of inference/."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest
from uvicorn import Config, Server

from inference.config import InferenceConfig, LocalModel
from inference.server import create_app
from tests.provider_double import Provider, Providers, providers
from tests.served import served
from tests.tiny_gguf import make, quoting_model


@dataclass
class Service:
    url: str
    installed: list[LocalModel]  # the last one is the default
    config: InferenceConfig

    def client(self, key: str = "token") -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0)


Serving = Callable[..., AbstractAsyncContextManager[Service]]


@pytest.fixture(scope="session")
def quoting() -> Path:
    """A model that quotes from its prompt."""
    return quoting_model()


@pytest.fixture(scope="session")
def doubles() -> Iterator[Providers]:
    with providers() as some:
        yield some


@pytest.fixture
def double(doubles: Providers) -> Provider:
    return doubles.new()


@pytest.fixture
def serving(tmp_path: Path) -> Serving:
    """Serves the model file that it is given."""

    @asynccontextmanager
    async def serve(path: Path, name: str = "tiny", **values: Any) -> AsyncIterator[Service]:
        installed = [LocalModel(name, path)]
        config = InferenceConfig(("http://127.0.0.1:0",), "token", tmp_path, **values)
        app = create_app(config, lambda: installed[::-1])
        server = Server(Config(app, host="127.0.0.1", port=0, log_level="error", timeout_graceful_shutdown=1))
        task = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield Service(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", installed, config)
        finally:
            server.should_exit = True
            await asyncio.wait_for(task, 10)

    return serve


@pytest.fixture(scope="session")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("standing")
    installed = [LocalModel("tiny", make(folder / "tiny.gguf"))]
    config = InferenceConfig(("http://127.0.0.1:0",), "token", folder)
    with served(create_app(config, lambda: installed[::-1])) as url:
        yield Service(url, installed, config)


@pytest.fixture
def service(standing: Service) -> Iterator[Service]:
    """Serves a model of random weights, whose tokens are bytes; the same process for all tests."""
    tiny = standing.installed[0]
    yield standing
    standing.installed[:] = [tiny]
