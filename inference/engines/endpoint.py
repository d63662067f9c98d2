"""Where an engine of somebody else's is asked, and how long it may take."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from inference.engines.transport import PiecesTransport, transport_to


@dataclass(frozen=True, slots=True)
class Endpoint:
    base_url: str
    key: str
    model: str
    socket: str | None = None  # a Unix socket that speaks for the address
    connect_timeout_s: float = 5.0
    first_token_timeout_s: float = 60.0
    between_tokens_timeout_s: float = 30.0
    answer_timeout_s: float = 300.0
    retries: int = 2
    ours: bool = False  # Footnote's model service, which is told who asks
    api_version: str = ""  # of Azure's older addresses


def http_client(endpoint: Endpoint, headers: dict[str, str], *, outside: bool) -> httpx.AsyncClient:
    """Bodies are asked for as they are: what unpacks could unpack to more than the memory holds.

    What stays in the house goes by no proxy that the environment names.
    """
    socket = endpoint.socket
    return httpx.AsyncClient(
        transport=transport_to(endpoint.base_url, socket) if outside else PiecesTransport(socket),
        headers={"Accept-Encoding": "identity", **headers},
        timeout=httpx.Timeout(None, connect=endpoint.connect_timeout_s, write=30.0, pool=10.0),
        follow_redirects=False,
    )
