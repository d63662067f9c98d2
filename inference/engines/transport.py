"""HTTP/1.1 for answers that come in many small pieces, under httpx in the place of its own transport.

That one takes half a millisecond of processor time for each piece, allows a hundred connections, and looks at all of
them for each request: with a hundred answers at once, the pieces alone would keep a processor busy.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import cast
from urllib.request import getproxies, proxy_bypass

import httpx

from inference.engines.connection import Connection, Idle

_CONNECTIONS = 1000
_IDLE_S = 4.0  # shorter than servers commonly keep one

_Origin = tuple[str, str, int | None]


def transport_to(url: str, socket: str | None) -> httpx.AsyncBaseTransport | None:
    """None where a proxy of the environment lies between: httpx itself knows how to speak to it."""
    host, proxies = httpx.URL(url).host, getproxies()
    if socket is None and proxies.keys() & {httpx.URL(url).scheme, "all"} and not proxy_bypass(host):
        return None
    return PiecesTransport(socket)


class PiecesTransport(httpx.AsyncBaseTransport):
    def __init__(self, socket: str | None = None) -> None:
        self._socket = socket
        self._tls: ssl.SSLContext | None = None
        self._idle: defaultdict[_Origin, Idle] = defaultdict(dict)
        self._opened: set[Connection] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        origin = request.url.scheme, request.url.host, request.url.port
        timeouts = request.extensions.get("timeout", {})
        content = _head(request) + b"".join([part async for part in cast(httpx.AsyncByteStream, request.stream)])
        connection = self._kept(origin) or await self._connect(origin, timeouts.get("connect"))
        try:
            connection.ask(content, timeouts.get("read"))
            answer = await connection.head()
        except BaseException:  # of a request that was cancelled, the answer would meet the next one
            connection.abort()
            raise
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(self._idle[origin], connection))

    def _kept(self, origin: _Origin) -> Connection | None:
        idle = self._idle[origin]
        while idle:
            if (connection := idle.popitem()[0]).wake():
                return connection
        return None

    async def _connect(self, origin: _Origin, limit_s: float | None) -> Connection:
        if len(self._opened) >= _CONNECTIONS:
            raise httpx.PoolTimeout(f"{_CONNECTIONS} connections are open.")
        try:
            async with asyncio.timeout(limit_s):
                return await self._opening(*origin)
        except TimeoutError as error:
            raise httpx.ConnectTimeout(f"no connection within {limit_s} s") from error
        except OSError as error:
            raise httpx.ConnectError(str(error)) from error

    async def _opening(self, scheme: str, host: str, port: int | None) -> Connection:
        loop = asyncio.get_running_loop()
        if self._socket is not None:
            _, connection = await loop.create_unix_connection(self._connection, self._socket)
        elif scheme == "https":
            self._tls = self._tls or httpx.create_ssl_context()
            _, connection = await loop.create_connection(
                self._connection, host, port or 443, ssl=self._tls, server_hostname=host
            )
        else:
            _, connection = await loop.create_connection(self._connection, host, port or 80)
        return connection

    def _connection(self) -> Connection:
        return Connection(self._opened)

    async def aclose(self) -> None:
        for connection in list(self._opened):
            connection.abort()


class _Body(httpx.AsyncByteStream):
    def __init__(self, idle: Idle, connection: Connection) -> None:
        self._idle = idle
        self._connection: Connection | None = connection

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._connection is not None and (piece := await self._connection.piece()):
            yield piece

    async def aclose(self) -> None:
        """Closed before its end, the server stops writing; at its end, the connection is kept for another request."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        connection.rest(self._idle, _IDLE_S)


def _head(request: httpx.Request) -> bytes:
    lines = [b"%b %b HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    lines += [b"%b: %b" % (name, value) for name, value in request.headers.raw]
    if any(b"\r" in line or b"\n" in line for line in lines):
        raise httpx.LocalProtocolError("A header holds a line end.")
    return b"\r\n".join([*lines, b"", b""])
