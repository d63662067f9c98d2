"""The web process: Django for HTTP, Channels for sockets."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import Any

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatapp.settings")
http = get_asgi_application()

from chatapp.at_once import AtOnce  # noqa: E402
from chatapp.bodies import BodyLimit, Receive, Send  # noqa: E402
from chatapp.conversations import turns  # noqa: E402 - after the apps are loaded
from chatapp.conversations.outcomes import recorder  # noqa: E402
from chatapp.conversations.takeover import look_after_the_dead  # noqa: E402
from chatapp.errors import OutageAnswers  # noqa: E402
from chatapp.governance.later import later_lines  # noqa: E402
from chatapp.openai.application import PATHS as API  # noqa: E402
from chatapp.openai.application import ApiHandler  # noqa: E402
from chatapp.plain_addresses import PlainAddresses  # noqa: E402
from chatapp.same_origin import SameOriginSockets  # noqa: E402
from chatapp.sockets import websocket_urlpatterns  # noqa: E402

api = ApiHandler()
_END_S = 2.0  # for each step, of the seconds that a process has to end in


async def lifespan(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """The server tells when the process starts and ends."""
    watch: asyncio.Task[None] | None = None
    while (await receive())["type"] != "lifespan.shutdown":
        if settings.REDIS_URL:  # without it, what people have seen dies with the process that wrote it
            watch = asyncio.create_task(look_after_the_dead())
        await send({"type": "lifespan.startup.complete"})
    if watch is not None:  # waited for: it may be about to launch a turn
        watch.cancel()
        await asyncio.wait([watch], timeout=_END_S)
    await turns.interrupt_all()
    with suppress(TimeoutError):  # a database that is away does not hold the process up
        await asyncio.wait_for(asyncio.gather(recorder().flush(), later_lines().flush()), _END_S)
    await send({"type": "lifespan.shutdown.complete"})


async def either(scope: dict[str, Any], receive: Receive, send: Any) -> None:
    await (api if scope["path"].startswith(API) else http)(scope, receive, send)


application = ProtocolTypeRouter(
    {
        "http": PlainAddresses(AtOnce(OutageAnswers(BodyLimit(either)))),
        "lifespan": lifespan,
        "websocket": PlainAddresses(SameOriginSockets(AuthMiddlewareStack(URLRouter(websocket_urlpatterns)))),
    }
)
