"""What is asked of a contender over HTTP, and what is seen of its answers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Any

import httpx

TOKEN = "benchmark"
END_OF_ANSWER = 31_999  # the model's end token, which a bias forbids: every answer has its full length
_TEMPLATE_TOKENS = 40  # what the chat template puts around the messages, roughly


@dataclass(frozen=True)
class Shape:
    """Tokens of one request; `shared` of the prompt's are the same in all of them."""

    prompt: int = 512
    new: int = 64
    shared: int = 0


@dataclass
class Stream:
    """One answer: seconds since the burst began."""

    first: float = 0.0
    last: float = 0.0
    tokens: int = 0
    at: list[float] = field(default_factory=list)  # when text arrived

    def arrived(self, now: float) -> None:
        self.first, self.last = self.first or now, now
        self.at.append(now)

    def gaps(self, begin: float = 0.0, end: float = float("inf")) -> list[float]:
        """Between two pieces of text, as far as they lie in a window."""
        pairs = zip(self.at, self.at[1:], strict=False)
        return [late - early for early, late in pairs if late > begin and early < end]


def text_of(number: int, length: int) -> str:
    """Distinct from its first character on; a token for each character."""
    return "".join(chr(97 + (number * 7 + n * (number + 3)) % 26) for n in range(length))


def messages(number: int, shape: Shape) -> list[dict[str, str]]:
    own = shape.prompt - _TEMPLATE_TOKENS - shape.shared
    asked = {"role": "user", "content": text_of(number + 1, own)}
    return [{"role": "system", "content": "s" * shape.shared}, asked] if shape.shared else [asked]


def body(number: int, shape: Shape) -> dict[str, Any]:
    return {
        "messages": messages(number, shape),
        "max_tokens": shape.new,
        "temperature": 0,
        "logit_bias": {str(END_OF_ANSWER): -100},
        "stream": True,
        "stream_options": {"include_usage": True},
        "user": str(number),
        "footnote_public_messages": int(shape.shared > 0),
    }


@dataclass(frozen=True)
class Contender:
    """A server that speaks OpenAI's protocol."""

    name: str
    url: str
    socket: str | None = None
    metrics: str = ""  # path of its Prometheus metrics, where it has some of ours

    def client(self) -> httpx.AsyncClient:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)  # llama.cpp closes idle ones
        transport = httpx.AsyncHTTPTransport(uds=self.socket, limits=limits)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return httpx.AsyncClient(transport=transport, base_url=self.url, headers=headers, timeout=600)


async def ask(client: httpx.AsyncClient, asked: dict[str, Any], begun: float) -> Stream:
    stream = Stream()
    async with client.stream("POST", "/v1/chat/completions", json=asked) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if not line.startswith("data: {"):
                continue
            chunk = json.loads(line[6:])
            if "error" in chunk:
                raise SystemExit(f"an answer failed: {chunk['error']}")
            if usage := chunk.get("usage"):
                stream.tokens = usage["completion_tokens"]
            if chunk["choices"] and chunk["choices"][0]["delta"].get("content"):
                stream.arrived(time.perf_counter() - begun)
    return stream


async def burst(contender: Contender, count: int, shape: Shape) -> list[Stream]:
    """All at once, after one request that loads the model; with a shared start, that computes it."""
    async with contender.client() as client:
        await ask(client, body(999, Shape(shape.prompt, 1, shape.shared)), 0)
        begun = time.perf_counter()
        return await asyncio.gather(*(ask(client, body(n, shape), begun) for n in range(count)))


def rate(streams: Sequence[Stream]) -> float:
    """Aggregate new tokens a second."""
    return sum(stream.tokens for stream in streams) / max(stream.last for stream in streams)


def percentile(values: Sequence[float], share: int) -> float:
    if len(values) < 2:
        return values[0] if values else 0.0
    return quantiles(values, n=100, method="inclusive")[share - 1]
