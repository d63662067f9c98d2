"""The only module that imports urllib3: requests to hosts that are public, or in a network that the operator allowed.

The address that a name resolves to is checked where the connection is made, and connected to itself, so that a name
that changes between check and use (DNS rebinding) gains nothing. Redirects are new connections: they pass it as well.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit
from weakref import WeakSet

import certifi
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError as HTTPError
from urllib3.exceptions import NewConnectionError

from retrieval.sources.errors import ItemTooLarge, PrivateAddress, SourceUnreachable

REDIRECTS = 5
_PIECE = 64 * 1024
CONNECT_S, READ_S = 10.0, 20.0
WHOLE_S = 120.0  # for one document, redirects included; less than a lease
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052
_UNICAST = ipaddress.IPv6Network("2000::/3")  # all that is given out on the internet (RFC 4291)
_ADDRESSES = 4  # of a host that are tried
_MOVED = (301, 302, 303, 307, 308)


class _Refused(NewConnectionError):
    """Raised below urllib3, which passes its own errors through unchanged."""


@dataclass(frozen=True, slots=True)
class Answer:
    url: str  # after redirects
    status: int
    headers: Mapping[str, str]
    body: bytes


class Pool(urllib3.PoolManager):
    """Cuts its connections off when their time is over: timeouts of a socket begin anew with each byte that a server
    drips. For one thread at a time.
    """

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._lock = threading.Lock()
        self._open = WeakSet[Any]()  # connections
        self._ends: list[float] = []

    def joined(self, connection: Any) -> None:
        with self._lock:
            self._open.add(connection)

    def is_over(self) -> bool:
        return any(time.monotonic() >= ends for ends in self._ends)

    @contextmanager
    def until(self, ends: float) -> Iterator[None]:
        """`ends` of time.monotonic(): what still waits for a server then raises SourceUnreachable."""
        timer = threading.Timer(max(0.0, ends - time.monotonic()), self._cut)
        timer.daemon = True
        self._ends.append(ends)
        timer.start()
        try:
            yield
        except HTTPError as error:
            if time.monotonic() < ends:
                raise
            raise SourceUnreachable("A document did not arrive in time.") from error
        finally:
            timer.cancel()
            self._ends.pop()

    def _cut(self) -> None:
        with self._lock:
            for connection in self._open:
                connection.cut()

    def urlopen(self, *given: Any, **named: Any) -> Any:
        """Until the headers are here; all of it, where a library asks for that."""
        with self.until(time.monotonic() + WHOLE_S):
            return super().urlopen(*given, **named)


class _Cuttable:
    """A connection that another thread can end, also in the middle of its TLS handshake."""

    _twin: socket.socket | None = None  # of the same connection; stays valid when TLS takes the first one over

    def begun(self, made: socket.socket) -> socket.socket:
        self._twin = made.dup()
        return made

    def cut(self) -> None:
        with suppress(OSError):
            if self._twin is not None:
                self._twin.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        if self._twin is not None:
            self._twin.close()
            self._twin = None
        super().close()  # type: ignore[misc]


def pool(networks: Sequence[str] = (), *, connections: int = 4) -> Pool:
    """A PoolManager whose every connection is checked."""
    allowed = [ipaddress.ip_network(one) for one in networks]

    class Plain(_Cuttable, HTTPConnection):
        def _new_conn(self) -> socket.socket:
            manager.joined(self)
            return self.begun(_connect(self, allowed, manager.is_over))

    class Secure(_Cuttable, HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            manager.joined(self)
            return self.begun(_connect(self, allowed, manager.is_over))

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    manager = Pool(
        connections,
        timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
        retries=urllib3.Retry(total=2, connect=2, read=1, redirect=0, status=0, backoff_factor=0.5),
        cert_reqs="CERT_REQUIRED",
        ca_certs=certifi.where(),
    )
    manager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
    return manager


def _connect(connection: Any, allowed: Sequence[Any], is_over: Callable[[], bool]) -> socket.socket:
    if is_over():
        raise NewConnectionError(connection, "the time for it is over")
    host, port = str(connection._dns_host).strip("[]"), connection.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NewConnectionError(connection, f"cannot be resolved: {error}") from error
    addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
    if not addresses or not all(_may_reach(address, allowed) for address in addresses):
        raise _Refused(connection, f"{host} is in a private network")
    return _first_that_answers(connection, addresses[:_ADDRESSES], port)


def _first_that_answers(connection: Any, addresses: Sequence[str], port: int) -> socket.socket:
    """A host may have addresses of a kind that this machine cannot reach."""
    problem: OSError | None = None
    for address in addresses:
        try:
            return socket.create_connection((address, port), CONNECT_S)
        except OSError as error:
            problem = error
    raise NewConnectionError(connection, str(problem)) from problem


def _may_reach(address: str, allowed: Sequence[Any]) -> bool:
    found = ipaddress.ip_address(address.partition("%")[0])
    inner = _inner(found)
    if any(one.version == inner.version and inner in one for one in allowed):
        return True
    if isinstance(found, ipaddress.IPv6Address) and found not in _UNICAST and inner is found:
        return False
    return inner.is_global and not inner.is_multicast and not inner.is_reserved


def _inner(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address.sixtofour or address
    return address


def fetch(
    manager: Pool,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    most_bytes: int,
    alive: Callable[[], None] = lambda: None,
) -> Answer:
    """GET, over at most REDIRECTS redirects. Raises SourceUnreachable, PrivateAddress, ItemTooLarge."""
    ends = time.monotonic() + WHOLE_S
    for _ in range(REDIRECTS + 1):
        with _translated(url), manager.until(ends):
            response = manager.request("GET", url, headers=dict(headers or {}), preload_content=False, redirect=False)
            try:
                target = response.headers.get("Location", "")
                if response.status in _MOVED and target:
                    url = _next(url, target)
                    continue
                body = body_of(response, most_bytes, ends, alive)
                return Answer(url, response.status, dict(response.headers.items()), body)
            finally:
                response.close()
    raise SourceUnreachable(f"{url:.200} redirects too often.", advice="Name the address where it ends.")


def _next(url: str, target: str) -> str:
    """Never to another scheme than the web's; names and passwords in it are dropped."""
    there = urlsplit(urljoin(url, target))
    if there.scheme not in ("http", "https") or not there.hostname:
        raise SourceUnreachable(f"{url:.200} redirects to something that is no web address.")
    host = f"[{there.hostname}]" if ":" in there.hostname else there.hostname
    return there._replace(netloc=f"{host}:{there.port}" if there.port else host, fragment="").geturl()


def body_of(response: Any, most_bytes: int, ends: float, alive: Callable[[], None]) -> bytes:
    """What arrives, as it comes, until `ends` of time.monotonic(): a server that drips is not waited for."""
    if int(response.headers.get("Content-Length") or 0) > most_bytes:
        raise ItemTooLarge
    body = bytearray()
    while part := response.read1(_PIECE, decode_content=True):
        alive()
        body += part
        if len(body) > most_bytes:  # also where it unpacks to more than it says
            raise ItemTooLarge
        if time.monotonic() > ends:
            raise SourceUnreachable("A document did not arrive in time.")
    return bytes(body)


@contextmanager
def _translated(url: str) -> Iterator[None]:
    try:
        yield
    except HTTPError as error:
        raise translated(error, url) from error
    except (ValueError, UnicodeError) as error:
        raise SourceUnreachable(f"{url!r:.200} is no web address.", advice="Correct it.") from error


def translated(error: BaseException, url: str) -> SourceUnreachable | PrivateAddress:
    """What a failure of urllib3 means, for this module and for libraries that were given a `pool`."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, _Refused):
            return PrivateAddress(detail=str(seen))
        reason = getattr(seen, "reason", None)  # of a MaxRetryError
        seen = reason if isinstance(reason, BaseException) else seen.__cause__
    return SourceUnreachable(f"{urlsplit(url).hostname or url!s:.100} does not answer.", detail=str(error)[:500])
