"""An HTTP server shaped like a provider of chat completions, which misbehaves as told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.served import served

WORDS = ("Nine ", "days ", "a ", "year ", "[1].")
PROGRESS: dict[str, Callable[[int], dict[str, object]]] = {  # what is said every tenth of a second before the text
    "reading": lambda step: {"queue_position": 0, "prompt_tokens_read": step, "prompt_tokens": 100},
    "standing": lambda step: {"queue_position": 0, "prompt_tokens_read": 7, "prompt_tokens": 100},
    "queued": lambda step: {"queue_position": 100 - step, "prompt_tokens_read": 0, "prompt_tokens": 0},
    "waiting": lambda step: {"queue_position": 3, "prompt_tokens_read": 0, "prompt_tokens": 0},
    "nonsense": lambda step: {"queue_position": "soon"},
}


class Provider:
    """`script`: what each call does, in order; the last entry is repeated."""

    def __init__(self) -> None:
        self.script: list[str] = ["answer"]
        self.calls: list[dict[str, object]] = []
        self.list_status = 200
        self.models = [{"id": "double"}]
        self.lists = 0  # how often the models were asked for
        self.url = ""
        self.open_streams = 0

    async def completions(self, request: Request) -> Response:
        self.calls.append(await request.json())
        act = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if act.startswith("429"):
            wait = act.partition(":")[2] or "0"
            return JSONResponse({"error": {"message": "slow down"}}, 429, headers={"Retry-After": wait})
        if act.isdecimal():
            return JSONResponse({"error": {"message": "no"}}, int(act))
        if act == "context":
            return JSONResponse({"error": {"code": "context_length_exceeded"}}, 400)
        if act == "garbage":
            return Response(b"data: {\xff not json\n\ndata: 17\n\n", media_type="text/event-stream")
        if act == "silence":
            await asyncio.sleep(5)
        return StreamingResponse(self._stream(act), media_type="text/event-stream")

    async def _stream(self, act: str) -> AsyncIterator[bytes]:
        self.open_streams += 1
        try:
            kind, _, steps = act.partition(":")
            for step in range(int(steps or 0) if kind in PROGRESS else 0):
                yield _line({"choices": [], "footnote_progress": PROGRESS[kind](step)})
                await asyncio.sleep(0.1)
            for position, word in enumerate(WORDS):
                if act == "busy" and position == 2:
                    yield _line({"error": {"code": "engine_busy"}})
                if act == "cut" and position == 2:
                    return
                if act == "stall" and position == 2:
                    await asyncio.sleep(5)
                if act == "slow":
                    await asyncio.sleep(0.05)
                yield _line({"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]})
            yield _line({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            yield _line({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5}})
            yield b"data: [DONE]\n\n"
        finally:
            self.open_streams -= 1


def _line(chunk: object) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


class Providers:
    """Any number of them behind one server, each at an address of its own."""

    def __init__(self) -> None:
        self._made: list[Provider] = []
        self.url = ""
        self.app = Starlette(
            routes=[
                Route("/{number:int}/v1/chat/completions", self._completions, methods=["POST"]),
                Route("/{number:int}/v1/models", self._models),
            ]
        )

    def new(self) -> Provider:
        self._made.append(Provider())
        self._made[-1].url = f"{self.url}/{len(self._made) - 1}/v1"
        return self._made[-1]

    def _asked(self, request: Request) -> Provider:
        return self._made[request.path_params["number"]]

    async def _completions(self, request: Request) -> Response:
        return await self._asked(request).completions(request)

    async def _models(self, request: Request) -> Response:
        double = self._asked(request)
        double.lists += 1
        return JSONResponse({"data": double.models}, double.list_status)


@contextmanager
def providers() -> Iterator[Providers]:
    doubles = Providers()
    with served(doubles.app) as url:
        doubles.url = url
        yield doubles
