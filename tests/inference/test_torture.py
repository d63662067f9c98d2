"""A thousand requests of random shapes, over a real socket: nothing leaks, nothing sticks, every answer ends right."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.inference.conftest import Service, Serving
from tests.tiny_gguf import make

REQUESTS, AT_ONCE, SHAPES = 1000, 24, 40
REASONS = ("stop", "length", "cancelled", "deadline")
_SYSTEM = {"role": "system", "content": "rules " * 40}


@dataclass(frozen=True)
class Shape:
    """What is asked; greedy, so that the answer is known from a service that writes one at a time."""

    body: dict[str, Any]
    whole: str = ""
    reason: str = ""


def shapes(chance: random.Random) -> list[Shape]:
    made = []
    for number in range(SHAPES):
        asked = {"role": "user", "content": f"{number}: " + "what of this? " * chance.randrange(60)}
        messages = [_SYSTEM, asked] if chance.random() < 0.5 else [asked]
        made.append(Shape({"messages": messages, "temperature": 0, "max_tokens": chance.randrange(1, 60)}))
    return made


def client_of(service: Service) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None)
    headers = {"Authorization": "Bearer token"}
    return httpx.AsyncClient(base_url=service.url, headers=headers, timeout=60, limits=limits)


async def alone(client: httpx.AsyncClient, shape: Shape, chance: random.Random) -> Shape:
    """Some then get a stop string that is somewhere in their answer."""
    choice = (await client.post("/v1/chat/completions", json=shape.body)).json()["choices"][0]
    text = choice["message"]["content"]
    if chance.random() < 0.4 and len(text) > 4:
        at = chance.randrange(len(text) - 2)
        stop = text[at : at + 2]
        return Shape(shape.body | {"stop": [stop]}, text[: text.index(stop)], "stop")
    return Shape(shape.body, text, choice["finish_reason"])


class Outcomes:
    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()

    async def ask(self, client: httpx.AsyncClient, shape: Shape, number: int, chance: random.Random) -> None:
        fate = chance.choices(("whole", "stream", "leaves", "leaves at once", "deadline"), (3, 5, 1, 1, 1))[0]
        body = shape.body | {"user": f"u{number % 7}", "prompt_cache_key": f"k{number % 3}"}
        body |= {"footnote_public_messages": int(len(body["messages"]) > 1)}
        if fate == "whole":
            choice = (await client.post("/v1/chat/completions", json=body)).json()["choices"][0]
            assert (choice["message"]["content"], choice["finish_reason"]) == (shape.whole, shape.reason)
        elif fate == "stream":
            assert await self._streamed(client, body) == (shape.whole, shape.reason)
        elif fate == "deadline":
            limited = body | {"max_tokens": 3000, "stop": None, "footnote_timeout_s": chance.uniform(0.01, 0.5)}
            text, reason = await self._streamed(client, limited)
            assert text.startswith(shape.whole) or shape.whole.startswith(text)
            assert reason in ("length", "stop")
        else:
            await self._leave(
                client, body | {"max_tokens": 3000, "stop": None}, chance, at_once=fate == "leaves at once"
            )
        self.counted[fate] += 1

    async def _streamed(self, client: httpx.AsyncClient, body: dict[str, Any]) -> tuple[str, str]:
        text, reason, ends = "", "", 0
        async with client.stream("POST", "/v1/chat/completions", json=body | {"stream": True}) as answer:
            async for line in answer.aiter_lines():
                if not line.startswith("data: {"):
                    continue
                for choice in json.loads(line[6:])["choices"]:
                    assert not ends, "something after the end"
                    text += choice["delta"].get("content") or ""
                    reason, ends = choice["finish_reason"] or "", ends + bool(choice["finish_reason"])
        return text, reason

    async def _leave(
        self, client: httpx.AsyncClient, body: dict[str, Any], chance: random.Random, *, at_once: bool
    ) -> None:
        """In the queue, in the prompt, or in the middle of the answer."""
        body |= {"stream": chance.random() < 0.7}
        try:
            async with asyncio.timeout(0.005 if at_once else chance.uniform(0.02, 0.4)):
                await client.post("/v1/chat/completions", json=body)
        except TimeoutError:
            return


async def metric(client: httpx.AsyncClient, name: str, **labels: str) -> float:
    lines = (await client.get("/metrics")).text.splitlines()
    wanted = [f'{label}="{value}"' for label, value in ({"model": "thousand"} | labels).items()]
    found = [one for one in lines if one.startswith(f"footnote_model_{name}{{") and all(one.count(w) for w in wanted)]
    return sum(float(line.rsplit(" ", 1)[1]) for line in found)


async def nobody_left(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(30):
        while await metric(client, "active") + await metric(client, "waiting"):
            await asyncio.sleep(0.05)


async def test_a_thousand_random_requests_end_rightly_and_leave_nothing_behind(
    serving: Serving, tmp_path: Path
) -> None:
    chance = random.Random(11)
    path = make(tmp_path / "tiny.gguf")
    async with serving(path, "alone", streams=1, prompt_lookup=False) as service, client_of(service) as client:
        known = [await alone(client, shape, chance) for shape in shapes(chance)]
    assert len({shape.whole for shape in known}) > SHAPES / 2
    outcomes = Outcomes()
    options = {"streams": 6, "waiting": AT_ONCE, "waiting_of_one_user": AT_ONCE, "answer_timeout_s": 60}
    async with serving(path, "thousand", **options) as service, client_of(service) as client:

        async def some(count: int) -> int:
            """-> bytes of this process when nobody is left."""
            numbers = iter(range(count))

            async def one_after_the_other() -> None:
                for number in numbers:
                    await outcomes.ask(client, chance.choice(known), number, chance)

            await asyncio.gather(*(one_after_the_other() for _ in range(AT_ONCE)))
            await nobody_left(client)
            return psutil.Process().memory_info().rss

        settled = await some(REQUESTS // 4)
        after = await some(REQUESTS - REQUESTS // 4)
        ended = {reason: await metric(client, "answers_total", reason=reason) for reason in REASONS}
        all_ended = await metric(client, "answers_total")
    assert sum(outcomes.counted.values()) == REQUESTS and min(outcomes.counted.values()) > 50, outcomes.counted
    assert after < settled * 1.05, f"{settled / 1e6:.0f} -> {after / 1e6:.0f} MB"
    assert all(ended.values()) and sum(ended.values()) == all_ended, ended
    assert REQUESTS - outcomes.counted["leaves at once"] <= all_ended <= REQUESTS, ended
