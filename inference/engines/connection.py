"""One HTTP/1.1 connection that carries an answer after the other; their pieces are read as they come."""

from __future__ import annotations

import asyncio
from typing import cast

import httptools
import httpx

_HEAD_BYTES = 65_536
_BUFFERED_BYTES = 262_144  # of a body that nobody has read yet


class Answer:
    """What the parser says of one response."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.headers: list[tuple[bytes, bytes]] = []
        self.begun = self.complete = self.keeps_alive = False
        self.status = 0
        self.body: list[bytes] = []
        self.waiting_bytes = 0
        self._head_bytes = 0

    def feed(self, data: bytes) -> None:
        """Raises httpx.RemoteProtocolError."""
        if self.complete:
            raise httpx.RemoteProtocolError("There is more than was asked for.")
        self._head_bytes += 0 if self.begun else len(data)
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise httpx.RemoteProtocolError(f"This is no HTTP: {error}") from error
        if self._head_bytes > _HEAD_BYTES and not self.begun:
            raise httpx.RemoteProtocolError("The head of the answer is too long.")

    def take(self) -> bytes:
        pieces, self.body, self.waiting_bytes = b"".join(self.body), [], 0
        return pieces

    @property
    def ends_with_the_connection(self) -> bool:
        names = {name.lower() for name, _ in self.headers}
        return self.begun and not names & {b"content-length", b"transfer-encoding"}

    # -- called by the parser ------------------------------------------------------------------------------------------
    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        self.status = self.parser.get_status_code()
        if self.status < 200:  # only says that the answer is to come
            self.headers = []
        else:
            self.begun = True

    def on_body(self, body: bytes) -> None:
        self.body.append(body)
        self.waiting_bytes += len(body)

    def on_message_complete(self) -> None:
        self.complete = self.begun
        self.keeps_alive = self.parser.should_keep_alive()  # the parser forgets it with the next byte


Idle = dict["Connection", None]  # in the order of their last use


class Connection(asyncio.Protocol):
    def __init__(self, opened: set[Connection]) -> None:
        self.answer = Answer()
        self._opened = opened  # whoever counts the connections
        self._transport: asyncio.Transport
        self._waiter: asyncio.Future[None] | None = None
        self._error: httpx.TransportError | None = None
        self._read_s: float | None = None
        self._among: Idle = {}
        self._resting: asyncio.TimerHandle | None = None

    def ask(self, request: bytes, read_s: float | None) -> None:
        self.answer, self._read_s = Answer(), read_s
        self._transport.write(request)

    async def head(self) -> Answer:
        """Raises httpx.TransportError."""
        while not self.answer.begun:
            await self._more()
        return self.answer

    async def piece(self) -> bytes:
        """All that has come since the last call; b"" at the end. Raises httpx.TransportError."""
        while not self.answer.body and not self.answer.complete:
            await self._more()
        piece = self.answer.take()
        self._transport.resume_reading()
        return piece

    async def _more(self) -> None:
        if self._error is not None:
            raise self._error
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._read_s):
                await self._waiter
        except TimeoutError as error:
            raise httpx.ReadTimeout(f"nothing came for {self._read_s} s") from error
        finally:
            self._waiter = None

    # -- between two answers -------------------------------------------------------------------------------------------
    def rest(self, among: Idle, limit_s: float) -> None:
        """Among those that may be asked again, for this long; where nothing may follow it is closed."""
        answer = self.answer
        if self._error is not None or not answer.complete or not answer.keeps_alive:
            return self.abort()
        self._among = among
        among[self] = None
        self._resting = asyncio.get_running_loop().call_later(limit_s, self.abort)

    def wake(self) -> bool:
        """Whether it is still there."""
        if self._resting is not None:
            self._resting.cancel()
        return self._error is None and not self._transport.is_closing()

    def abort(self) -> None:
        self._transport.abort()

    # -- called by the loop --------------------------------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._opened.add(self)

    def data_received(self, data: bytes) -> None:
        try:
            self.answer.feed(data)
        except httpx.RemoteProtocolError as error:
            self._error = error
            self.abort()
        if self.answer.waiting_bytes > _BUFFERED_BYTES:
            self._transport.pause_reading()
        self._wake_reader()

    def connection_lost(self, error: Exception | None) -> None:
        self._opened.discard(self)
        self._among.pop(self, None)
        if error is None and self._error is None and self.answer.ends_with_the_connection:
            self.answer.complete = True
        reason = httpx.ReadError(str(error)) if error else httpx.RemoteProtocolError("The connection was closed.")
        self._error = self._error or reason
        self._wake_reader()

    def _wake_reader(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
