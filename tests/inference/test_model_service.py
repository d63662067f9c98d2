"""The model service over a real socket, with a real GGUF file, and the unchanged `openai` package."""

from __future__ import annotations

import asyncio
import time
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from inference.config import LocalModel
from inference.engine import ChatMessage, Generation, Progress
from inference.engines.local import LocalEngine
from tests.inference.conftest import Service, Serving
from tests.inference.reciting import reciting, slow
from tests.tiny_gguf import make


def _raw(service: Service) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=service.url, headers={"Authorization": "Bearer token"}, timeout=60)


async def _streamed(service: Service, **asked: Any) -> tuple[list[str], str, Any]:
    """-> the pieces of text, why it ended, the usage."""
    asked = {"model": "default", "messages": _say("Hello"), "stream": True, **asked}
    pieces, reason, usage = [], "", None
    async with service.client() as client:
        stream = await client.chat.completions.create(**asked, stream_options={"include_usage": True})
        async for chunk in stream:
            usage = chunk.usage or usage
            for choice in chunk.choices:
                reason = choice.finish_reason or reason
                pieces += [choice.delta.content] if choice.delta.content else []
    return pieces, reason, usage


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


@pytest.mark.parametrize("key", ["", "Bearer wrong", "Bearer", "token", "Basic dG9rZW4=", "Bearer t\u00f6ken"])
@pytest.mark.parametrize("path", ["/v1/models", "/v1/chat/completions", "/metrics"])
async def test_a_wrong_key_is_refused_everywhere(service: Service, key: str, path: str) -> None:
    async with httpx.AsyncClient(base_url=service.url, headers={"Authorization": key.encode()}) as client:
        answer = await client.request("POST" if path.endswith("completions") else "GET", path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"17",
        b"\xff\xfe",
        b"[" * 100_000,
        b"{}",
        b'{"messages": []}',
        b'{"messages": "hi"}',
        b'{"messages": ["hi"]}',
        b'{"messages": [{"role": "tool", "content": "x"}]}',
        b'{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}',
        b'{"messages": [{"role": "user", "content": "x"}], "temperature": 9}',
        b'{"messages": [{"role": "user", "content": "x"}], "temperature": NaN}',
        b'{"messages": [{"role": "user", "content": "x"}], "max_tokens": 0}',
        b'{"messages": [{"role": "user", "content": "x"}], "max_tokens": true}',
        b'{"messages": [{"role": "user", "content": "x"}], "stop": [""]}',
        b'{"messages": [{"role": "user", "content": "x"}], "stop": {"a": 1}}',
        b'{"messages": [{"role": "user", "content": "x"}], "stream": true, "stream_options": 5}',
        b'{"messages": [{"role": "user", "content": "' + b"x" * 2_100_000 + b'"}]}',
    ],
    ids=lambda body: body[-40:].decode("latin-1"),
)
async def test_a_body_that_is_not_understood_is_refused_in_openai_form(service: Service, body: bytes) -> None:
    async with _raw(service) as client:
        answer = await client.post("/v1/chat/completions", content=body)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["type"]) == (400, *["invalid_request_error"] * 2)
        assert error["message"] and "Traceback" not in error["message"]
        assert (await client.get("/readyz")).json()["ready"]


async def test_half_a_character_of_utf16_in_a_message_is_answered(service: Service) -> None:
    body = b'{"messages": [{"role": "user", "content": "x\\ud83d"}], "max_tokens": 1}'
    async with _raw(service) as client:
        assert (await client.post("/v1/chat/completions", content=body)).status_code == 200


@pytest.mark.parametrize("stop", ["def", "d", "defgh!", "efg"])
async def test_a_stop_string_over_several_tokens_ends_the_answer_and_is_never_shown(
    serving: Serving, tmp_path: Path, stop: str
) -> None:
    async with serving(reciting(tmp_path / "reciting.gguf", "abcdefgh!ijk")) as service:
        pieces, reason, _ = await _streamed(service, stop=["nowhere", stop], temperature=0)
    assert "".join(pieces) == "abcdefgh!ijk".partition(stop)[0] and reason == "stop"


async def test_what_only_begins_like_a_stop_string_is_shown(serving: Serving, tmp_path: Path) -> None:
    async with serving(reciting(tmp_path / "reciting.gguf", "abcdefgh")) as service:
        pieces, _, _ = await _streamed(service, stop=["cdeX", "ghi"], temperature=0)
    assert "".join(pieces) == "abcdefgh"


async def test_a_character_of_several_tokens_arrives_whole(serving: Serving, tmp_path: Path) -> None:
    async with serving(reciting(tmp_path / "reciting.gguf", "x😀é漢y")) as service:
        pieces, reason, usage = await _streamed(service, temperature=0)
        cut, cut_reason, _ = await _streamed(service, temperature=0, max_tokens=3)
    assert (pieces, reason) == (["x", "😀", "é", "漢", "y"], "stop")
    assert usage.completion_tokens == len("x😀é漢y".encode())
    assert ("".join(cut), cut_reason) == ("x\N{REPLACEMENT CHARACTER}", "length")


async def test_a_prompt_that_goes_on_from_the_last_one_is_not_read_again(serving: Serving, tmp_path: Path) -> None:
    first = _say("x" * 1500)
    further = [*first, {"role": "assistant", "content": "y"}, *_say("z")]
    async with serving(make(tmp_path / "tiny.gguf")) as service:
        _, _, usage = await _streamed(service, messages=first, max_tokens=1)
        _, _, again = await _streamed(service, messages=further, max_tokens=1)
        _, _, other = await _streamed(service, messages=_say("z"), max_tokens=1)
    assert usage.prompt_tokens_details.cached_tokens == 0
    assert 1500 <= again.prompt_tokens_details.cached_tokens < again.prompt_tokens
    assert other.prompt_tokens_details.cached_tokens < 30


@pytest.mark.parametrize("stream", [True, False])
async def test_somebody_who_leaves_while_the_prompt_is_read_frees_the_model(
    serving: Serving, tmp_path: Path, stream: bool
) -> None:
    asked = {"messages": _say("x" * 2500), "max_tokens": 100, "stream": stream}
    async with serving(slow(tmp_path / "slow.gguf")) as service, _raw(service) as client:
        begun = time.monotonic()
        await client.post("/v1/chat/completions", json={"messages": _say("w" * 2500), "max_tokens": 1})
        whole = time.monotonic() - begun
        leaving = asyncio.create_task(client.post("/v1/chat/completions", json=asked))
        await asyncio.sleep(whole / 10)
        leaving.cancel()
        begun = time.monotonic()
        answer = await client.post("/v1/chat/completions", json={"messages": _say("y"), "max_tokens": 1})
        assert answer.status_code == 200 and time.monotonic() - begun < whole / 2


async def test_somebody_who_leaves_while_text_comes_frees_the_model(service: Service) -> None:
    async with service.client() as client:
        stream = await client.chat.completions.create(
            model="tiny",
            messages=_say("x" * 500),  # type: ignore[arg-type]
            max_tokens=3000,
            temperature=1.9,
            stream=True,
        )
        async for chunk in stream:
            if chunk.choices:
                break
        await stream.close()
        begun = time.monotonic()
        await client.chat.completions.create(model="tiny", messages=_say("y"), max_tokens=1)  # type: ignore[arg-type]
    assert time.monotonic() - begun < 1.0


async def test_a_service_without_a_model_says_so_and_picks_up_the_first_one(service: Service) -> None:
    model = service.installed.pop()
    async with service.client() as client:
        with pytest.raises(openai.InternalServerError, match=r"No model is installed.*models pull") as missing:
            await client.chat.completions.create(model="tiny", messages=_say("x"))  # type: ignore[arg-type]
        assert (missing.value.status_code, missing.value.code) == (503, "engine_unavailable")
        service.installed.append(model)
        answer = await client.chat.completions.create(model="tiny", messages=_say("x"), max_tokens=1)  # type: ignore[arg-type]
    assert answer.usage and answer.usage.completion_tokens == 1


async def test_a_full_queue_answers_busy_with_retry_after(serving: Serving, tmp_path: Path) -> None:
    path = make(tmp_path / "tiny.gguf")
    async with serving(path, streams=2, waiting=4) as service, service.client() as client:

        async def ask() -> object:
            return await client.chat.completions.create(
                model="tiny",
                messages=_say("x" * 2000),  # type: ignore[arg-type]
                max_tokens=20,
            )

        results = await asyncio.gather(*(ask() for _ in range(12)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, openai.APIStatusError)]
    assert refused and all(error.status_code == 503 for error in refused)
    assert all(int(error.response.headers["Retry-After"]) >= 1 for error in refused)
    assert len(refused) < len(results)


@pytest.mark.parametrize("stream", [True, False])
async def test_somebody_who_leaves_the_queue_holds_no_place_in_it(
    serving: Serving, tmp_path: Path, stream: bool
) -> None:
    async with serving(slow(tmp_path / "slow.gguf"), "queue", streams=1) as service, _raw(service) as client:

        async def waiting() -> float:
            lines = (await client.get("/metrics")).text.splitlines()
            found = (line for line in lines if line.startswith('footnote_model_waiting{model="queue"}'))
            return float(next(found, "- 0").split()[1])

        async def until(count: int) -> None:
            async with asyncio.timeout(10):
                while await waiting() != count:
                    await asyncio.sleep(0.02)

        asked = {"messages": _say("x" * 4000), "max_tokens": 100, "stream": stream}
        asking = [asyncio.create_task(client.post("/v1/chat/completions", json=asked)) for _ in range(4)]
        await until(3)
        for one in asking[1:]:
            one.cancel()
        await until(0)
        assert not asking[0].done()
        asking[0].cancel()


async def _progress(engine: LocalEngine, prompt: str, seen: list[Progress]) -> None:
    request = Generation("turn", "x", (ChatMessage("user", prompt),), max_tokens=1)
    async for piece in engine.stream(request):
        seen += [piece] if isinstance(piece, Progress) else []


async def test_the_place_in_the_queue_is_how_many_are_answered_before(serving: Serving, tmp_path: Path) -> None:
    seen: list[list[Progress]] = []
    asking = []
    async with serving(slow(tmp_path / "slow.gguf"), streams=1) as service, asyncio.timeout(30):
        engine = LocalEngine(service.config, service.url)
        for prompt in ("w" * 1500, "x", "y", "z"):
            seen.append([])
            asking.append(asyncio.create_task(_progress(engine, prompt, seen[-1])))
            while not seen[-1]:
                await asyncio.sleep(0.01)
        asking.pop(1).cancel()
        await asyncio.gather(*asking)
    first, _, third, fourth = ([place for place, _ in groupby(piece.queue_position for piece in one)] for one in seen)
    assert (first, third, fourth) == ([0], [2, 1, 0], [3, 2, 1, 0])
    read = [piece for one in seen for piece in one if piece.prompt_tokens_read]
    assert read and all(piece.queue_position == 0 for piece in read)


async def test_another_default_answers_from_the_next_question_on(serving: Serving, tmp_path: Path) -> None:
    async with serving(reciting(tmp_path / "one.gguf", "one")) as service:
        first, _, _ = await _streamed(service, temperature=0)
        service.installed.append(LocalModel("two", reciting(tmp_path / "two.gguf", "two")))
        second, _, _ = await _streamed(service, temperature=0)
    assert ("".join(first), "".join(second)) == ("one", "two")


async def test_a_file_that_llama_cannot_load_is_said_and_the_next_model_works(service: Service, tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + b"\xff" * 5000)
    service.installed.append(LocalModel("bad", tmp_path / "bad.gguf"))
    async with _raw(service) as client:
        body = {"messages": _say("x"), "max_tokens": 1}
        bad = await client.post("/v1/chat/completions", json=body)
        service.installed.pop()
        good = await client.post("/v1/chat/completions", json=body)
    assert (bad.status_code, bad.json()["error"]["code"], good.status_code) == (422, "model_file_rejected", 200)
