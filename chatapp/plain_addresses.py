"""Each address in one spelling: where a server listens on both protocols, it names those of IPv4 `::ffff:192.0.2.1`
(RFC 4291, 2.5.5.2), all of which would count as one IPv6 network."""

from __future__ import annotations

import ipaddress
from typing import Any


def plain(address: str) -> str:
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    mapped = known.ipv4_mapped if isinstance(known, ipaddress.IPv6Address) else None
    return str(mapped) if mapped else address


class PlainAddresses:
    """Before whatever counts by address."""

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if client := scope.get("client"):
            scope = {**scope, "client": (plain(client[0]), *client[1:])}
        await self._application(scope, receive, send)
