"""Who may open a socket: pages of this very address. Browsers send cookies with sockets whoever opens them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host

Application = Callable[..., Awaitable[None]]


class SameOriginSockets:
    """`Origin` must name the address that was asked (`Host`), or CHATAPP_PUBLIC_URL; RFC 6455, section 10.2."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        allowed = is_same_origin(headers.get(b"origin", ""), headers.get(b"host", ""))
        application = self._application if allowed else WebsocketDenier.as_asgi()
        await application(scope, receive, send)


def is_same_origin(origin: str, host: str) -> bool:
    domain, _ = split_domain_port(host)
    try:
        page, public = urlsplit(origin), urlsplit(settings.PUBLIC_URL)
    except ValueError:
        return False
    if page.scheme not in ("http", "https") or not validate_host(domain, settings.ALLOWED_HOSTS):
        return False
    if page.netloc.lower() == public.netloc.lower():
        return page.scheme == public.scheme
    return page.netloc.lower() == host.lower()
