"""Many streams from one model: the model service beside llama-cpp-python's own API used serially, in one run.

    python -m benchmarks.inference [--streams 1 4 8 16] [--model FILE] [--threads 2]

Prompts of 512 tokens, 64 new tokens each, all arriving at once; with and without 256 tokens that all prompts share. The
service is asked over HTTP by another process, so that its cost is in the figures. "serial" answers the same requests
one after the other with `llama_cpp.Llama`, in a process of its own, without HTTP. Ratios of one run count: machines are
noisy.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, quantiles
from typing import Any

import httpx

from benchmarks.model_file import random_model

PROMPT, SHARED, NEW = 512, 256, 64
_TEMPLATE_TOKENS = 40  # what the chat template puts around the messages, roughly
TOKEN = "benchmark"


@dataclass
class Stream:
    """One answer: seconds since the burst began."""

    first: float = 0.0
    last: float = 0.0
    tokens: int = 0
    gaps: list[float] = field(default_factory=list)


def prompt(number: int, length: int) -> str:
    """Distinct from its first character on; a token for each character."""
    return "".join(chr(97 + (number * 7 + n * (number + 3)) % 26) for n in range(length))


def messages(number: int, *, shared: bool) -> list[dict[str, str]]:
    own = PROMPT - _TEMPLATE_TOKENS - (SHARED if shared else 0)
    asked = {"role": "user", "content": prompt(number + 1, own)}
    return [{"role": "system", "content": "s" * SHARED}, asked] if shared else [asked]


# -- the service -------------------------------------------------------------------------------------------------------
@contextmanager
def service(model: Path, streams: int, threads: int) -> Iterator[str]:
    folder = tempfile.mkdtemp(prefix="fn-bench-")
    socket = f"{folder}/model.sock"
    command = [sys.executable, "-m", "benchmarks.inference", "--serve", socket, "--model", str(model)]
    process = subprocess.Popen([*command, "--threads", str(threads), "--streams", str(streams)])
    try:
        deadline = time.monotonic() + 60
        while not Path(socket).exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the model service did not start")
            time.sleep(0.05)
        yield socket
    finally:
        process.terminate()
        process.wait(20)


def serve(socket: str, model: Path, streams: int, threads: int) -> None:
    import uvicorn

    from inference.config import InferenceConfig, LocalModel
    from inference.server import create_app

    config = InferenceConfig(
        (), TOKEN, model.parent, context_tokens=1024, threads=threads, streams=streams, waiting=1000,
        waiting_of_one_user=1000, max_answer_tokens=NEW,
    )  # fmt: skip
    app = create_app(config, lambda: [LocalModel(model.stem, model)])
    uvicorn.run(app, uds=socket, log_level="error")


async def ask(client: httpx.AsyncClient, body: dict[str, Any], begun: float) -> Stream:
    stream = Stream()
    async with client.stream("POST", "/v1/chat/completions", json=body) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if not line.startswith("data: {"):
                continue
            chunk = json.loads(line[6:])
            if usage := chunk.get("usage"):
                stream.tokens = usage["completion_tokens"]
            elif chunk["choices"] and chunk["choices"][0]["delta"].get("content"):
                now = time.perf_counter() - begun
                if stream.first:
                    stream.gaps.append(now - stream.last)
                stream.first, stream.last = stream.first or now, now
    return stream


async def burst(socket: str, count: int, *, shared: bool) -> list[Stream]:
    def body(number: int, new: int) -> dict[str, Any]:
        asked = messages(number, shared=shared)
        values = {"user": str(number), "temperature": 0, "max_tokens": new, "footnote_public_messages": int(shared)}
        options = {"stream": True, "stream_options": {"include_usage": True}, "logit_bias": {"31999": -100}}
        return {"messages": asked, **values, **options}

    transport = httpx.AsyncHTTPTransport(uds=socket, limits=httpx.Limits(max_connections=None))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://model", headers=headers, timeout=600) as client:
        await ask(client, body(999, 1), time.perf_counter())  # loads the model; with a shared start, computes that
        begun = time.perf_counter()
        return await asyncio.gather(*(ask(client, body(n, NEW), begun) for n in range(count)))


# -- one after the other -----------------------------------------------------------------------------------------------
def serial(model: Path, count: int, threads: int, *, shared: bool) -> list[Stream]:
    command = [sys.executable, "-m", "benchmarks.inference", "--serial", str(count), "--model", str(model)]
    command += ["--threads", str(threads), *(["--shared"] if shared else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=3600)
    return [Stream(**one) for one in json.loads(done.stdout)]


def run_serial(model: Path, count: int, threads: int, *, shared: bool) -> None:
    import llama_cpp

    llama = llama_cpp.Llama(str(model), n_ctx=1024, n_threads=threads, n_threads_batch=threads, verbose=False)
    options: dict[str, Any] = {"stream": True, "temperature": 0.0, "logit_bias": {31999: -100.0}}

    def answer(number: int, new: int) -> Iterator[Any]:
        return llama.create_chat_completion(messages(number, shared=shared), max_tokens=new, **options)  # type: ignore[arg-type, return-value]

    list(answer(999, 1))
    begun, streams = time.perf_counter(), []
    for number in range(count):
        stream = Stream()
        for chunk in answer(number, NEW):
            if chunk["choices"][0]["delta"].get("content") is None:
                continue
            now = time.perf_counter() - begun
            if stream.first:
                stream.gaps.append(now - stream.last)
            stream.first, stream.last, stream.tokens = stream.first or now, now, stream.tokens + 1
        streams.append(stream)
    sys.stdout.write(json.dumps([vars(stream) for stream in streams]))


# -- the table ---------------------------------------------------------------------------------------------------------
def rate(streams: list[Stream]) -> float:
    """Aggregate new tokens a second."""
    return sum(stream.tokens for stream in streams) / max(stream.last for stream in streams)


def percentile(values: list[float], share: int) -> float:
    return quantiles(values, n=100, method="inclusive")[share - 1] if len(values) > 1 else values[0]


def row(name: str, streams: list[Stream], against: float | None) -> None:
    firsts = [stream.first for stream in streams]
    gaps = [gap * 1000 for stream in streams for gap in stream.gaps]
    ratio = f"{rate(streams) / against:5.2f}x" if against else "      "
    print(
        f"  {name:28} {rate(streams):7.1f} {ratio}  {mean(firsts):6.2f} {percentile(firsts, 50):6.2f} "
        f"{percentile(firsts, 95):6.2f}   {percentile(gaps, 50):5.0f} {percentile(gaps, 95):5.0f} "
        f"{percentile(gaps, 99):5.0f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 4, 8, 16])
    parser.add_argument("--model", type=Path, help="a GGUF file; by default random weights of a 0.5B model's shape")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--cache", type=Path, default=Path("var/benchmark"))
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--serial", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--shared", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        return serve(given.serve, given.model, given.streams[0], given.threads)
    if given.serial:
        return run_serial(given.model, given.serial, given.threads, shared=given.shared)
    model = given.model or random_model(given.cache, threads=given.threads)
    print(f"{model.name}, {given.threads} threads, {PROMPT} prompt tokens, {NEW} new ones, all at once")
    print("                                new tokens/s         first token s (mean p50 p95)   between, ms (50 95 99)")
    for count in given.streams:
        for shared in (False, True):
            print(f"{count} streams{f', {SHARED} prompt tokens shared' if shared else ''}")
            alone = serial(model, count, given.threads, shared=shared)
            row("llama-cpp-python, serial", alone, None)
            with service(model, count, given.threads) as socket:
                row("Footnote's model service", asyncio.run(burst(socket, count, shared=shared)), rate(alone))
    return None


if __name__ == "__main__":
    main()
