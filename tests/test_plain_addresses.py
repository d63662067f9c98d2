"""Who asks over IPv4 counts by their own address, whatever the server calls it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chatapp.asgi import application
from chatapp.plain_addresses import PlainAddresses


@pytest.mark.parametrize(
    ("client", "seen"),
    [
        (("::ffff:192.0.2.1", 5000), ("192.0.2.1", 5000)),
        (("2001:db8::1", 5000), ("2001:db8::1", 5000)),
        (("192.0.2.1", 5000), ("192.0.2.1", 5000)),
        (("a socket", 0), ("a socket", 0)),
        (None, None),
    ],
)
def test_an_address_of_ipv4_is_one(client: tuple[str, int] | None, seen: tuple[str, int] | None) -> None:
    scopes: list[dict[str, Any]] = []

    async def inner(scope: dict[str, Any], receive: Any, send: Any) -> None:
        scopes.append(scope)

    asyncio.run(PlainAddresses(inner)({"type": "http", "client": client}, None, None))
    assert scopes[0]["client"] == seen


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_it_stands_before_all_that_counts(kind: str) -> None:
    assert isinstance(application.application_mapping[kind], PlainAddresses)
