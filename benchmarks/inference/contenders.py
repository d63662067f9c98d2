"""Footnote's model service, llama.cpp's own server, and llama-cpp-python one answer after the other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.inference.load import END_OF_ANSWER, TOKEN, Contender, Shape, Stream, messages
from benchmarks.running import free_port

_START_S = 120


@contextmanager
def ours(
    model: Path, streams: int, threads: int, *, context: int = 1024, inter_token_s: float = 0.25
) -> Iterator[Contender]:
    """Without prompt lookup: random weights repeat themselves, which drafts would profit from."""
    with tempfile.TemporaryDirectory(prefix="fn-bench-") as folder:
        socket = f"{folder}/model.sock"
        command = [sys.executable, "-m", "benchmarks.inference", "--serve", socket, "--model", str(model)]
        command += ["--threads", str(threads), "--streams", str(streams)]
        command += ["--context", str(context), "--inter-token", str(inter_token_s)]
        contender = Contender("Footnote's model service", "http://model", socket, "/metrics")
        with _running(command, contender, "/healthz"):
            yield contender


def serve(socket: str, model: Path, streams: int, threads: int, context: int, inter_token_s: float) -> None:
    import uvicorn

    from inference.config import InferenceConfig, LocalModel
    from inference.server import create_app

    config = InferenceConfig(
        (), TOKEN, model.parent, context_tokens=context, threads=threads, streams=streams, waiting=1000,
        waiting_of_one_user=1000, max_answer_tokens=context, inter_token_s=inter_token_s, prompt_lookup=False,
    )  # fmt: skip
    app = create_app(config, lambda: [LocalModel(model.stem, model)])
    uvicorn.run(app, uds=socket, log_level="error")


@contextmanager
def llama_server(binary: Path, model: Path, streams: int, threads: int, *, context: int = 1024) -> Iterator[Contender]:
    """With a buffer for each stream, which is faster here than its default."""
    port = free_port()
    command = [str(binary), "--model", str(model), "--host", "127.0.0.1", "--port", str(port), "--parallel"]
    command += [str(streams), "--ctx-size", str(context * streams), "--threads", str(threads), "--no-kv-unified"]
    command += ["--api-key", TOKEN, "--log-disable", "--offline"]
    contender = Contender("llama.cpp's server", f"http://127.0.0.1:{port}")
    libraries = {"LD_LIBRARY_PATH": str(binary.parent)}  # the build may have been moved
    with _running(command, contender, "/health", libraries):
        yield contender


@contextmanager
def _running(
    command: list[str], contender: Contender, health: str, environment: dict[str, str] | None = None
) -> Iterator[None]:
    """The server's process, from the moment that it answers."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=os.environ | (environment or {}))
    transport = httpx.HTTPTransport(uds=contender.socket)
    try:
        deadline = time.monotonic() + _START_S
        with httpx.Client(transport=transport, base_url=contender.url) as client:
            while not _answers(client, health):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{contender.name} did not start: {' '.join(command)}")
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)


def _answers(client: httpx.Client, health: str) -> bool:
    try:
        return client.get(health, timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def serial(model: Path, count: int, threads: int, shape: Shape) -> list[Stream]:
    """In a process of its own, without HTTP."""
    command = [sys.executable, "-m", "benchmarks.inference", "--serial", str(count), "--model", str(model)]
    command += ["--threads", str(threads), "--shape", json.dumps(vars(shape))]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=3600)
    return [Stream(**one) for one in json.loads(done.stdout)]


def run_serial(model: Path, count: int, threads: int, shape: Shape) -> None:
    os.environ.setdefault("GGML_NO_BACKTRACE", "1")
    import llama_cpp

    llama = llama_cpp.Llama(str(model), n_ctx=1024, n_threads=threads, n_threads_batch=threads, verbose=False)
    options: dict[str, Any] = {"stream": True, "temperature": 0.0, "logit_bias": {END_OF_ANSWER: -100.0}}

    def answer(number: int, new: int) -> Iterator[Any]:
        return llama.create_chat_completion(messages(number, shape), max_tokens=new, **options)  # type: ignore[arg-type, return-value]

    list(answer(999, 1))
    begun, streams = time.perf_counter(), []
    for number in range(count):
        stream = Stream(tokens=shape.new)
        for chunk in answer(number, shape.new):
            if chunk["choices"][0]["delta"].get("content"):
                stream.arrived(time.perf_counter() - begun)
        streams.append(stream)
    sys.stdout.write(json.dumps([vars(stream) for stream in streams]))
