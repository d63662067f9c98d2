"""Our own transport under httpx: pieces as they come, connections used again, and every broken answer a typed error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from inference.engines.transport import PiecesTransport

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
WHOLE = HEAD + b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"


class Server:
    """Answers each request with the next of these bytes; `end` closes the connection after it."""

    def __init__(self, *answers: bytes, end: bool = False) -> None:
        self.answers, self.end = list(answers), end
        self.connections = self.open = 0
        self.requests: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections, self.open = self.connections + 1, self.open + 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.requests.append(head)
                writer.write(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
                await writer.drain()
                if self.end:
                    return
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()


@asynccontextmanager
async def asked(server: Server) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, backlog=1024)
    async with listening, httpx.AsyncClient(transport=PiecesTransport(), timeout=2.0) as client:
        yield client, f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"


async def test_a_connection_whose_answer_was_read_to_its_end_is_asked_again() -> None:
    server = Server(WHOLE)
    async with asked(server) as (client, url):
        for _ in range(5):
            assert (await client.get(url)).text == "onetwo"
    assert (server.connections, len(server.requests)) == (1, 5)


async def test_an_answer_that_is_left_in_the_middle_closes_its_connection() -> None:
    server = Server(HEAD + b"3\r\none\r\n")
    async with asked(server) as (client, url):
        async with client.stream("GET", url) as response:
            async for piece in response.aiter_raw():
                assert piece == b"one"
                break
        await asyncio.sleep(0.05)
        assert server.open == 0


async def test_a_request_that_is_cancelled_leaves_nothing_for_the_next_one() -> None:
    server = Server(b"HTTP/1.1 100 Continue\r\n\r\n", WHOLE)
    async with asked(server) as (client, url):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.get(url, timeout=None)
        assert (await client.get(url)).text == "onetwo"
    assert server.connections == 2


async def test_three_hundred_answers_at_once_have_a_connection_each() -> None:
    server = Server(WHOLE)
    async with asked(server) as (client, url):
        found = await asyncio.gather(*(client.get(url) for _ in range(300)))
    assert {response.text for response in found} == {"onetwo"}


async def test_a_body_without_a_length_ends_with_its_connection() -> None:
    server = Server(b"HTTP/1.1 200 OK\r\n\r\nall of it", end=True)
    async with asked(server) as (client, url):
        assert (await client.get(url)).text == "all of it"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (HEAD + b"3\r\none\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfour", httpx.RemoteProtocolError),
        (b"", httpx.RemoteProtocolError),
        (b"220 mail.example.com ESMTP\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000, httpx.RemoteProtocolError),
        (HEAD + b"zz\r\none\r\n", httpx.RemoteProtocolError),
    ],
    ids=["cut chunk", "cut body", "nothing", "another protocol", "head without end", "no chunk"],
)
async def test_a_broken_answer_is_a_typed_error(answer: bytes, error: type[Exception]) -> None:
    async with asked(Server(answer, end=True)) as (client, url):
        with pytest.raises(error):
            await client.get(url)


async def test_silence_is_a_timeout_and_nobody_there_an_error() -> None:
    async with asked(Server(HEAD)) as (client, url):
        with pytest.raises(httpx.ReadTimeout):
            await client.get(url, timeout=0.1)
    with pytest.raises(httpx.ConnectError):
        await client_of_nobody(url)


async def client_of_nobody(url: str) -> None:
    async with httpx.AsyncClient(transport=PiecesTransport()) as client:
        await client.get(url)


async def test_what_nobody_reads_is_not_gathered_without_bound() -> None:
    server = Server(
        HEAD + b"100000\r\n" + b"a" * 0x100000 + b"\r\n" + b"1000000\r\n" + b"a" * 0x1000000 + b"\r\n0\r\n\r\n"
    )
    transport = PiecesTransport()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with listening, httpx.AsyncClient(transport=transport, timeout=5.0) as client:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
        async with client.stream("GET", url) as response:
            await asyncio.sleep(0.3)
            (connection,) = transport._opened
            assert connection.answer.waiting_bytes < 2_000_000
            assert sum([len(piece) async for piece in response.aiter_raw()]) == 0x1100000


async def test_a_header_with_a_line_end_is_not_sent() -> None:
    server = Server(WHOLE)
    async with asked(server) as (client, url):
        with pytest.raises(httpx.LocalProtocolError):
            await client.get(url, headers={"X-Request-ID": "a\r\nX-Admin: yes"})
    assert not server.requests
