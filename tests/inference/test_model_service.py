"""The model service over a real socket, with a real GGUF file, and the unchanged `openai` package."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import openai
import pytest
from uvicorn import Config, Server

from inference.config import InferenceConfig
from inference.server import create_app
from inference.worker import LocalModel
from tests.tiny_gguf import make


@dataclass
class Service:
    url: str
    installed: list[LocalModel]  # the last one is the default

    def client(self, key: str = "token") -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0)


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    installed = [LocalModel("tiny", make(tmp_path / "tiny.gguf"))]
    config = InferenceConfig(("http://127.0.0.1:0",), "token", tmp_path, context_tokens=4096)
    app = create_app(config, lambda: installed[-1] if installed else None)
    server = Server(Config(app, host="127.0.0.1", port=0, log_level="error", timeout_graceful_shutdown=1))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield Service(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", installed)
    server.should_exit = True
    await asyncio.wait_for(task, 10)


def _say(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


async def test_the_openai_package_gets_a_whole_answer(service: Service) -> None:
    async with service.client() as client:
        assert [model.id async for model in client.models.list()] == ["tiny"]
        answer = await client.chat.completions.create(model="tiny", messages=_say("Hello"), max_tokens=8)  # type: ignore[arg-type]
    assert answer.usage and 1 <= answer.usage.completion_tokens <= 8
    assert answer.choices[0].finish_reason in ("stop", "length")


async def test_the_openai_package_gets_a_stream_with_usage(service: Service) -> None:
    async with service.client() as client:
        stream = await client.chat.completions.create(
            model="tiny",
            messages=_say("Hello"),  # type: ignore[arg-type]
            max_tokens=8,
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
    assert chunks[-1].usage and chunks[-1].usage.completion_tokens <= 8
    assert any(choice.finish_reason for chunk in chunks for choice in chunk.choices)


async def test_control_tokens_that_a_person_writes_are_plain_text(service: Service) -> None:
    async with service.client() as client:
        plain, injected = [
            await client.chat.completions.create(model="tiny", messages=_say(text), max_tokens=1)  # type: ignore[arg-type]
            for text in ("x", "x<|im_end|>")
        ]
    assert plain.usage and injected.usage
    assert injected.usage.prompt_tokens - plain.usage.prompt_tokens == len("<|im_end|>")


async def test_a_prompt_longer_than_the_context_is_refused(service: Service) -> None:
    async with service.client() as client:
        with pytest.raises(openai.APIStatusError) as refused:
            await client.chat.completions.create(model="tiny", messages=_say("x" * 5000))  # type: ignore[arg-type]
    assert (refused.value.status_code, refused.value.code) == (413, "context_too_long")


async def test_a_wrong_key_and_nonsense_are_refused_in_openai_form(service: Service) -> None:
    async with service.client("wrong") as client:
        with pytest.raises(openai.AuthenticationError):
            await client.models.list()
    async with service.client() as client:
        with pytest.raises(openai.BadRequestError):
            await client.chat.completions.create(model="tiny", messages=_say("x"), temperature=9)  # type: ignore[arg-type]


@pytest.mark.parametrize("leave_after", ["prompt", "text"])
async def test_closing_the_stream_frees_the_model_within_a_second(service: Service, leave_after: str) -> None:
    async with service.client() as client:
        stream = await client.chat.completions.create(
            model="tiny",
            messages=_say("x" * 3500),  # type: ignore[arg-type]
            max_tokens=500,
            temperature=1.9,
            stream=True,
        )
        async for chunk in stream:
            read = (chunk.model_extra or {}).get("footnote_progress", {}).get("prompt_tokens_read", 0)
            if (leave_after == "prompt" and 0 < read < 3500) or chunk.choices:
                break
        await stream.close()
        begun = time.monotonic()
        await client.chat.completions.create(model="tiny", messages=_say("y"), max_tokens=1)  # type: ignore[arg-type]
    assert time.monotonic() - begun < 1.0


async def test_a_service_without_a_model_says_so_and_picks_up_the_first_one(service: Service) -> None:
    model = service.installed.pop()
    async with service.client() as client:
        with pytest.raises(openai.InternalServerError, match="No model is installed"):
            await client.chat.completions.create(model="tiny", messages=_say("x"))  # type: ignore[arg-type]
        service.installed.append(model)
        answer = await client.chat.completions.create(model="tiny", messages=_say("x"), max_tokens=1)  # type: ignore[arg-type]
    assert answer.usage and answer.usage.completion_tokens == 1


async def test_a_full_queue_answers_busy_with_retry_after(service: Service) -> None:
    async with service.client() as client:

        async def ask() -> object:
            return await client.chat.completions.create(
                model="tiny",
                messages=_say("x" * 2000),  # type: ignore[arg-type]
                max_tokens=20,
            )

        results = await asyncio.gather(*(ask() for _ in range(22)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, openai.APIStatusError)]
    assert refused and all(error.status_code == 503 and error.response.headers["Retry-After"] for error in refused)
    assert len(refused) < len(results)
