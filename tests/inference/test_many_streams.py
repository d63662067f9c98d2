"""Many answers at once from one model file, over a real socket: what is written, who shares what, what is refused."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from inference.config import LocalModel
from tests.inference.conftest import Service, Serving
from tests.inference.reciting import reciting, slow
from tests.tiny_gguf import make


def client_of(service: Service) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=service.url, headers={"Authorization": "Bearer token"}, timeout=60)


def body(text: str, **values: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], "max_tokens": 40, "temperature": 0, **values}


async def ask(client: httpx.AsyncClient, text: str, **values: Any) -> dict[str, Any]:
    answer = await client.post("/v1/chat/completions", json=body(text, **values))
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def words_of(answer: dict[str, Any]) -> str:
    return str(answer["choices"][0]["message"]["content"])


async def test_answers_written_together_are_those_that_each_question_gets_alone(
    serving: Serving, tmp_path: Path
) -> None:
    path = make(tmp_path / "tiny.gguf")
    questions = [f"{n}: {'what of this? ' * (n * 7 % 40)}" for n in range(16)]
    async with serving(path, streams=1, prompt_lookup=False) as service, client_of(service) as client:
        alone = [words_of(await ask(client, question, prompt_cache_key=question[:2])) for question in questions]
    async with serving(path, streams=8) as service, client_of(service) as client:
        together = await asyncio.gather(*(ask(client, question, user=question[:2]) for question in questions))
    assert [words_of(answer) for answer in together] == alone
    assert len(set(alone)) > 4


async def test_random_requests_with_disconnects_leave_no_slot_in_use(serving: Serving, tmp_path: Path) -> None:
    chance = random.Random(3)
    async with (
        serving(make(tmp_path / "tiny.gguf"), "crowd", streams=4, waiting=200, waiting_of_one_user=200) as service,
        client_of(service) as client,
    ):

        async def one(n: int) -> None:
            values = {"max_tokens": chance.randrange(1, 80), "stream": n % 2 == 0, "seed": n, "temperature": 1.0}
            asking = ask(client, "x" * chance.randrange(1, 900), user=str(n % 5), **values)
            try:
                async with asyncio.timeout(chance.choice([0.01, 0.05, 0.2, 60])):
                    await asking
            except (TimeoutError, json.JSONDecodeError):
                return

        await asyncio.gather(*(one(n) for n in range(60)))

        async def busy() -> float:
            lines = (await client.get("/metrics")).text.splitlines()
            names = ('footnote_model_active{model="crowd"}', 'footnote_model_waiting{model="crowd"}')
            return sum(float(line.split()[1]) for line in lines if line.startswith(names))

        async with asyncio.timeout(20):
            while await busy():
                await asyncio.sleep(0.05)
        assert words_of(await ask(client, "still there?"))


async def test_instructions_that_all_share_are_read_once_and_other_words_are_not_shared(
    serving: Serving, tmp_path: Path
) -> None:
    system = {"role": "system", "content": "rules " * 60}

    async def cached(client: httpx.AsyncClient, text: str, **values: Any) -> int:
        messages = [system, {"role": "user", "content": text}]
        answer = await client.post("/v1/chat/completions", json={"messages": messages, "max_tokens": 1, **values})
        return int(answer.json()["usage"]["prompt_tokens_details"]["cached_tokens"])

    async with serving(make(tmp_path / "tiny.gguf")) as service, client_of(service) as client:
        public = {"footnote_public_messages": 1}
        secret = "z" * 300
        assert await cached(client, secret, user="alice", **public) == 0
        assert 360 <= await cached(client, secret, user="bob", **public) < 400
        assert await cached(client, secret, user="alice", **public) > 650, "her own words"
        assert await cached(client, secret, user="carol") == 0


async def test_an_answer_in_a_schema_is_json_of_that_schema(service: Service) -> None:
    schema = {
        "type": "object",
        "properties": {"days": {"type": "integer"}, "kind": {"enum": ["leave", "sick"]}},
        "required": ["days", "kind"],
    }
    wanted = {"type": "json_schema", "json_schema": {"name": "leave", "schema": schema}}
    async with client_of(service) as client:
        answers = [
            await ask(client, "x", response_format=wanted, temperature=1.5, seed=n, max_tokens=400) for n in range(3)
        ]
    for answer in answers:
        if answer["choices"][0]["finish_reason"] == "stop":
            found = json.loads(words_of(answer))
            assert isinstance(found["days"], int) and found["kind"] in ("leave", "sick")
    assert any(answer["choices"][0]["finish_reason"] == "stop" for answer in answers)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"grammar": "root ::= ("}, "grammar"),
        ({"grammar": 'root ::= root "a"'}, "grammar"),
        ({"grammar": "root ::= (", "stream": True}, "grammar"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": 5}}}, "schema"),
        ({"response_format": {"type": "json_schema", "json_schema": {"schema": {"$ref": "http://x/y"}}}}, "schema"),
        ({"logit_bias": {"a": 1}}, "logit_bias"),
        ({"logit_bias": {"5": 1000}}, "-100 to 100"),
        ({"n": 2}, "`n`"),
        ({"top_logprobs": 50, "logprobs": True}, "top_logprobs"),
        ({"user": 5}, "user"),
        ({"top_k": 0}, "top_k"),
    ],
)
async def test_a_wish_that_cannot_be_granted_is_refused_with_its_name(
    service: Service, values: dict[str, Any], word: str
) -> None:
    async with client_of(service) as client:
        refused = await client.post("/v1/chat/completions", json=body("x", **values))
        assert refused.status_code == 400, refused.text
        assert await ask(client, "still there?")
    assert refused.json()["error"]["type"] == "invalid_request_error" and word in refused.text


async def test_log_probabilities_are_those_of_the_tokens_that_were_chosen(serving: Serving, tmp_path: Path) -> None:
    async with serving(reciting(tmp_path / "r.gguf", "abc")) as service, client_of(service) as client:
        answer = await ask(client, "x", logprobs=True, top_logprobs=3)
        chunks = (await client.post("/v1/chat/completions", json=body("x", logprobs=True, stream=True))).text
    content = answer["choices"][0]["logprobs"]["content"]
    assert [token["token"] for token in content] == ["a", "b", "c"]
    for token in content:
        assert len(token["top_logprobs"]) == 3 and token["top_logprobs"][0]["token"] == token["token"]
        assert -1 < token["logprob"] <= 0 and token["bytes"] == list(token["token"].encode())
    streamed = [json.loads(line[6:]) for line in chunks.splitlines() if line.startswith("data: {")]
    tokens = [
        t["token"]
        for c in streamed
        for choice in c["choices"]
        for t in (choice.get("logprobs") or {}).get("content", [])
    ]
    assert tokens == ["a", "b", "c"]


async def test_a_bias_forbids_a_token(service: Service) -> None:
    async def first(client: httpx.AsyncClient, **values: Any) -> list[int]:
        answer = await ask(client, "x", logprobs=True, max_tokens=1, **values)
        return list(answer["choices"][0]["logprobs"]["content"][0]["bytes"])

    async with client_of(service) as client:
        (plain,) = await first(client)
        assert await first(client, logit_bias={str(plain): -100}) != [plain]


async def test_models_are_asked_by_name_and_the_unused_one_makes_room(serving: Serving, tmp_path: Path) -> None:
    one, two = reciting(tmp_path / "one.gguf", "one"), reciting(tmp_path / "two.gguf", "two")
    budget = one.stat().st_size * 4 + 2_000_000
    async with serving(one, "one", memory_bytes=budget, context_tokens=256, streams=1) as service:
        service.installed.insert(0, LocalModel("two", two))
        async with client_of(service) as client:
            listed = (await client.get("/v1/models")).json()["data"]
            assert [model["id"] for model in listed] == ["one", "two"], "the default one first"
            for name in ("two", "one", "two"):
                answer = await ask(client, "x", model=name)
                assert (words_of(answer), answer["model"]) == (name, name)
            unknown = await client.post("/v1/chat/completions", json=body("x", model="three"))
            assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "model_not_found")


async def test_a_model_that_does_not_fit_is_refused_with_its_size(serving: Serving, tmp_path: Path) -> None:
    async with serving(make(tmp_path / "tiny.gguf"), memory_bytes=1_000_000) as service, client_of(service) as client:
        refused = await client.post("/v1/chat/completions", json=body("x"))
    assert refused.status_code == 503 and "memory" in refused.json()["error"]["message"]


async def test_a_model_that_nobody_asks_leaves_the_memory_and_comes_back(serving: Serving, tmp_path: Path) -> None:
    path = make(tmp_path / "tiny.gguf")
    async with serving(path, "idle", unload_after_s=0.2) as service, client_of(service) as client:

        async def loaded() -> float:
            lines = (await client.get("/metrics")).text.splitlines()
            wanted = (line for line in lines if line.startswith('footnote_model_loaded_bytes{model="idle"}'))
            return float(next(wanted).split()[1])

        await ask(client, "x")
        async with asyncio.timeout(10):
            while await loaded():
                await asyncio.sleep(0.05)
        assert words_of(await ask(client, "x"))
        assert await loaded()


async def test_a_file_that_is_replaced_is_loaded_anew_while_old_answers_end(serving: Serving, tmp_path: Path) -> None:
    path = slow(tmp_path / "m.gguf")
    async with serving(path) as service, client_of(service) as client:
        long = asyncio.create_task(ask(client, "x" * 1500, max_tokens=30))
        await asyncio.sleep(0.5)
        other = reciting(tmp_path / "other.gguf", "new")
        shutil.move(other, path)
        assert words_of(await ask(client, "x")) == "new"
        assert (await long)["usage"]["completion_tokens"] > 0
