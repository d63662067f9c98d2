"""Asks many questions at once and notes when each text arrives; a process of its own for benchmarks.web.

It reads one JSON object from standard input: `port` and `pid` of the web process, `door` ("websocket" or "api"), and
`askers`, each with its `secret` (a session or an API key) and the `number` of its question. All connections are open
before the first question is sent, what arrives is looked at after the last one has ended, and the outcome is one line
of JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httptools
import uvloop
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from benchmarks.streaming_provider import tokens

_LIMIT_S = 120.0
QUESTION = "How many days of leave does everybody have, no. {}?"


class Asker(asyncio.Protocol):
    """One connection with one question. `arrived` holds what came, with its time."""

    BEGINS_TEXT: bytes

    def __init__(self, port: int, secret: str, number: int) -> None:
        self.port, self.secret, self.number = port, secret, number
        self.arrived: list[tuple[float, bytes]] = []
        self.asked_at = 0.0
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.first: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()

    @property
    def question(self) -> str:
        return QUESTION.format(self.number)

    def connection_made(self, transport: Any) -> None:
        self.transport: asyncio.Transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        for waiting in (self.ready, self.first, self.ended):
            if not waiting.done():
                waiting.set_exception(ConnectionError("The web process closed the connection."))

    def note(self, data: bytes, *, last: bool) -> None:
        self.arrived.append((time.perf_counter(), data))
        if not self.first.done() and self.BEGINS_TEXT in data[:400]:
            self.first.set_result(None)
        if last and not self.ended.done():
            self.ended.set_result(None)

    def outcome(self) -> dict[str, Any]:
        text, first = "", 0.0
        for at, piece in self.pieces():
            first = first or at
            text += piece
        return {
            "first_ms": (first - self.asked_at) * 1000,
            "total_ms": (self.arrived[-1][0] - self.asked_at) * 1000,
            "right": text == "".join(tokens(self.number)),
            "got": "" if text == "".join(tokens(self.number)) else self._ending(text),
        }

    def _ending(self, text: str) -> str:
        return f"{text[:40]!r} ... {self.arrived[-1][1][-200:]!r}"

    def pieces(self) -> Iterator[tuple[float, str]]:
        """The text with its times."""
        raise NotImplementedError

    def ask(self) -> None:
        raise NotImplementedError


class OverWebsocket(Asker):
    BEGINS_TEXT = b'"type": "text"'

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._protocol = ClientProtocol(parse_uri(f"ws://localhost:{self.port}/ws/chat/"))
        request = self._protocol.connect()
        request.headers["Cookie"] = f"sessionid={self.secret}"
        request.headers["Origin"] = f"http://localhost:{self.port}"
        self._protocol.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._take(bytes(event.data))
        self._flush()

    def _take(self, frame: bytes) -> None:
        if b'"hello"' in frame[:60]:
            self.ready.set_result(None)
        else:
            self.note(frame, last=b'"done"' in frame[:60])

    def ask(self) -> None:
        self.asked_at = time.perf_counter()
        frame = {"type": "ask", "id": "a", "text": self.question}
        self._protocol.send_text(json.dumps(frame).encode())
        self._flush()

    def _flush(self) -> None:
        if data := b"".join(self._protocol.data_to_send()):
            self.transport.write(data)

    def pieces(self) -> Iterator[tuple[float, str]]:
        for at, data in self.arrived:
            frame = json.loads(data)
            if frame["type"] == "text":
                yield at, frame["text"]


class OverApi(Asker):
    """On a connection that has carried a request before, as programs keep theirs."""

    BEGINS_TEXT = b'"delta": {"content"'

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._parser = httptools.HttpResponseParser(self)
        self._send("GET", "/v1/models")

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        if self.asked_at:
            self.note(body, last=False)

    def on_message_complete(self) -> None:
        if not self.asked_at:
            self._parser = httptools.HttpResponseParser(self)
            return self.ready.set_result(None)
        self.note(b"", last=True)

    def ask(self) -> None:
        self.asked_at = time.perf_counter()
        body = {"model": "footnote", "stream": True, "messages": [{"role": "user", "content": self.question}]}
        self._send("POST", "/v1/chat/completions", json.dumps(body).encode())

    def _send(self, method: str, path: str, body: bytes = b"") -> None:
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost:{self.port}\r\nAuthorization: Bearer {self.secret}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + body)

    def pieces(self) -> Iterator[tuple[float, str]]:
        rest = b""
        for at, data in self.arrived:
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if line.startswith(b"data: {"):
                    for choice in json.loads(line[6:]).get("choices", ()):
                        if text := choice["delta"].get("content"):
                            yield at, text


DOORS: dict[str, type[Asker]] = {"websocket": OverWebsocket, "api": OverApi}
_OPENED_AT_ONCE = 20


async def _connected(port: int, door: type[Asker], askers: list[dict[str, Any]]) -> list[Asker]:
    found: list[Asker] = []
    for begin in range(0, len(askers), _OPENED_AT_ONCE):
        some = [door(port, one["secret"], one["number"]) for one in askers[begin : begin + _OPENED_AT_ONCE]]
        loop = asyncio.get_running_loop()
        for asker in some:
            await loop.create_connection(lambda asker=asker: asker, "127.0.0.1", port)  # type: ignore[misc]
        await asyncio.gather(*(asker.ready for asker in some))
        found += some
    return found


async def _run(wanted: dict[str, Any]) -> dict[str, Any]:
    async with asyncio.timeout(_LIMIT_S):
        askers = await _connected(wanted["port"], DOORS[wanted["door"]], wanted["askers"])
        await asyncio.sleep(0.5)  # the web process has no more to do
        before = cpu_s(wanted["pid"])
        for asker in askers:
            asker.ask()
        await asyncio.wait([asker.first for asker in askers])
        until_first = cpu_s(wanted["pid"]) - before
        await asyncio.wait([asker.ended for asker in askers])
        cpu = cpu_s(wanted["pid"]) - before
    outcomes = [asker.outcome() for asker in askers]
    for asker in askers:
        asker.transport.abort()
    return {"turns": outcomes, "cpu_until_first_s": until_first, "cpu_s": cpu}


def cpu_s(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    print(json.dumps(uvloop.run(_run(json.loads(sys.stdin.read())))))
