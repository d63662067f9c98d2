"""An HTTP server shaped like OpenAI's, Azure's and Anthropic's, which misbehaves as told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

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


@dataclass(frozen=True)
class Reply:
    """An answer to the letter. In `parts`, a number is a pause in seconds."""

    status: int = 200
    json: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    parts: Sequence[bytes | float] = ()

    def response(self) -> Response:
        if self.parts:
            return StreamingResponse(self._stream(), self.status, self.headers, media_type="text/event-stream")
        return JSONResponse(self.json, self.status, self.headers)

    async def _stream(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            if isinstance(part, bytes):
                yield part
            else:
                await asyncio.sleep(part)


class ChatCompletions:
    """OpenAI's words, and Azure's."""

    begin = b""
    busy: object = {"error": {"code": "engine_busy"}}
    end: tuple[object, ...] = (
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5}},
    )
    last = b"data: [DONE]\n\n"

    @staticmethod
    def word(text: str) -> bytes:
        return line({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]})


class Messages:
    """Anthropic's words."""

    begin = (
        b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":4,'
        b'"cache_read_input_tokens":3,"cache_creation_input_tokens":0,"output_tokens":1}}}\n\n'
        b'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
        b'"content_block":{"type":"text","text":""}}\n\nevent: ping\ndata: {"type": "ping"}\n\n'
    )
    busy: object = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    end: tuple[object, ...] = (
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}},
    )
    last = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

    @staticmethod
    def word(text: str) -> bytes:
        delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        return b"event: content_block_delta\n" + line(delta)


Words = type[ChatCompletions] | type[Messages]


class Provider:
    """`script`: what each call does, in order; the last entry is repeated. `together`: replies wait for each other."""

    def __init__(self) -> None:
        self.script: list[str | Reply] = ["answer"]
        self.together: asyncio.Barrier | None = None
        self.calls: list[dict[str, object]] = []
        self.asked: list[Request] = []  # the same calls
        self.health_asked: list[Request] = []
        self.list_status = 200
        self.models = [{"id": "double"}]
        self.lists = 0  # how often the models were asked for
        self.url = ""
        self.open_streams = 0

    async def nobody_reads(self) -> bool:
        """Within a second, for it hears of a closed connection when it writes."""
        for _ in range(100):
            if not self.open_streams:
                return True
            await asyncio.sleep(0.01)
        return False

    async def answer(self, request: Request, words: Words = ChatCompletions) -> Response:
        self.calls.append(await request.json())
        self.asked.append(request)
        act = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(act, Reply):
            if self.together is not None:
                await asyncio.wait_for(self.together.wait(), 10)
            return act.response()
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
        return StreamingResponse(self._stream(act, words), media_type="text/event-stream")

    async def _stream(self, act: str, words: Words) -> AsyncIterator[bytes]:
        self.open_streams += 1
        try:
            yield words.begin
            kind, _, steps = act.partition(":")
            for step in range(int(steps or 0) if kind in PROGRESS else 0):
                yield line({"choices": [], "footnote_progress": PROGRESS[kind](step)})
                await asyncio.sleep(0.1)
            for position, word in enumerate(WORDS):
                if act == "busy" and position == 2:
                    yield line(words.busy)
                if act == "cut" and position == 2:
                    return
                if act == "stall" and position == 2:
                    await asyncio.sleep(5)
                if act == "slow":
                    await asyncio.sleep(0.05)
                yield words.word(word)
            for event in words.end:
                yield line(event)
            yield words.last
        finally:
            self.open_streams -= 1


def line(chunk: object) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


class Providers:
    """Any number of them behind one server, each at an address of its own."""

    def __init__(self) -> None:
        self._made: list[Provider] = []
        self.url = ""
        self.app = Starlette(
            routes=[
                Route("/{number:int}/v1/chat/completions", self._completions, methods=["POST"]),
                Route("/{number:int}/openai/v1/chat/completions", self._completions, methods=["POST"]),
                Route("/{number:int}/openai/deployments/{name}/chat/completions", self._completions, methods=["POST"]),
                Route("/{number:int}/v1/messages", self._messages, methods=["POST"]),
                Route("/{number:int}/v1/models", self._models),
                Route("/{number:int}/openai/v1/models", self._models),
                Route("/{number:int}/openai/models", self._models),
            ]
        )

    def new(self) -> Provider:
        self._made.append(Provider())
        self._made[-1].url = f"{self.url}/{len(self._made) - 1}/v1"
        return self._made[-1]

    def _asked(self, request: Request) -> Provider:
        return self._made[request.path_params["number"]]

    async def _completions(self, request: Request) -> Response:
        return await self._asked(request).answer(request)

    async def _messages(self, request: Request) -> Response:
        return await self._asked(request).answer(request, Messages)

    async def _models(self, request: Request) -> Response:
        double = self._asked(request)
        double.lists += 1
        double.health_asked.append(request)
        return JSONResponse({"data": double.models}, double.list_status)


@contextmanager
def providers() -> Iterator[Providers]:
    doubles = Providers()
    with served(doubles.app) as url:
        doubles.url = url
        yield doubles
