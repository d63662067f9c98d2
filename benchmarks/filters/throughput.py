"""How fast a local engine writes through all of the product: words of several answers side by side."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks.running import MANAGE, Running

_QUESTION = "How many days of leave does everybody have?"
_TOKENS = 160  # of each answer
_LIMIT_S = 600.0
# No answer is taken from those that are kept.
SETTINGS = {
    "CHATAPP_ANSWER_CACHE": "0",
    "INFERENCE_FIRST_TOKEN_TIMEOUT": "300",
    "INFERENCE_CONTEXT_TOKENS": "8192",
}


@dataclass(slots=True)
class _Answer:
    """Words and when they came, in seconds of one clock."""

    arrived: list[tuple[float, int]] = field(default_factory=list)


def add_model(footnote: Running, model: Path) -> None:
    command = [*MANAGE, "models", "add", str(model)]
    subprocess.run(command, env=footnote.environment, check=True, stdout=subprocess.DEVNULL)


def warm(port: int, keys: Sequence[str]) -> None:
    """One after the other, so that the engine has read each prompt before anything is measured. Nothing is searched:
    a prompt of random weights has a token for each character, and it is the writing that is measured."""
    for key in keys:
        asyncio.run(_asked(port, [key], tokens=4))


def rate(port: int, keys: Sequence[str]) -> float:
    """Words a second, from the asking to the last text of all. The same people ask the same each time: their prompts
    are known to the engine, and what is measured is the writing. Not from the first text: rules hold that back, and
    what is held comes at once with it."""
    begin = time.perf_counter()
    answers = asyncio.run(_asked(port, keys))
    end = max(answer.arrived[-1][0] for answer in answers)
    return sum(words for answer in answers for _, words in answer.arrived) / (end - begin)


async def _asked(port: int, keys: Sequence[str], tokens: int = _TOKENS) -> list[_Answer]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=_LIMIT_S, trust_env=False) as client:
        return await asyncio.gather(*(_ask(client, key, tokens) for key in keys))


async def _ask(client: httpx.AsyncClient, key: str, tokens: int) -> _Answer:
    body = {
        "model": "footnote",
        "stream": True,
        "max_tokens": tokens,
        "temperature": 0,
        "messages": [{"role": "user", "content": _QUESTION}],
    }
    answer = _Answer()
    headers = {"Authorization": f"Bearer {key}"}
    async with client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if text := _text_of(line):
                answer.arrived.append((time.perf_counter(), len(text.split())))
    if not answer.arrived:
        raise SystemExit("An answer has no text.")
    return answer


def _text_of(line: str) -> str:
    if not line.startswith("data: {"):
        return ""
    chunk = json.loads(line[6:])
    if "error" in chunk:
        raise SystemExit(f"An answer failed: {chunk['error']}")
    return "".join(choice["delta"].get("content") or "" for choice in chunk["choices"])
