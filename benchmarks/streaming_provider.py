"""A provider double for measuring: a model of OpenAI's API that writes many answers at once and costs next to nothing.

    python -m benchmarks.streaming_provider PORT

Each answer has 64 tokens, the first at once and then one each 20 ms, whatever else goes on: a token that is late does
not delay the next. They name the question that they answer ("no. 17?" gets "w17.0 w17.1 ..."), so that a lost, doubled
or misdirected one shows.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import cast

import httptools
import uvloop

TOKENS = 64
PAUSE_S = 0.02
_ASKED = re.compile(rb"no\. (\d+)\?")


def tokens(number: int) -> list[str]:
    return [f"w{number}.{position} " for position in range(TOKENS)]


def _event(**fields: object) -> bytes:
    data = b"data: " + json.dumps({"id": "a", "object": "chat.completion.chunk", "model": "double", **fields}).encode()
    return b"%x\r\n%b\n\n\r\n" % (len(data) + 2, data)


def _token(text: str) -> bytes:
    return _event(choices=[{"index": 0, "delta": {"content": text}, "finish_reason": None}])


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_LAST = (
    _event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
    + _event(choices=[], usage={"prompt_tokens": 7, "completion_tokens": TOKENS})
    + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"
)
_MODELS = b'{"object": "list", "data": [{"id": "double", "object": "model"}]}'


class Connection(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._parser = httptools.HttpRequestParser(self)
        self._body = b""
        self._loop = asyncio.get_running_loop()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        body, self._body = self._body, b""
        if self._parser.get_method() == b"GET":
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(_MODELS), _MODELS))
            return
        written = [_token(text) for text in tokens(int(_ASKED.findall(body)[-1]))]
        written[-1] += _LAST
        self._transport.write(_HEAD + written[0])
        self._write(written, 1, self._loop.time() + PAUSE_S)

    def _write(self, written: list[bytes], position: int, due: float) -> None:
        """Those that are due, and comes back for the next."""
        while position < len(written) and due <= self._loop.time():
            self._transport.write(written[position])
            position, due = position + 1, due + PAUSE_S
        if position < len(written) and not self._transport.is_closing():
            self._loop.call_at(due, self._write, written, position, due)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", port, backlog=1024)
    print("ready", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
