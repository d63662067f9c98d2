"""Runs an ASGI application on the address that a setting names: unix:///path or http://host:port."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from django.core.management.base import CommandError

_NOT_STARTED = 3


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, leave: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._leave = leave

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self._leave is not None:
            self._leave()


def serve(application: Any, url: str, *, leave: Callable[[], None] | None = None) -> None:
    """Blocks until SIGTERM or SIGINT. `leave` is called at the signal, before the answers under way have ended."""
    options: dict[str, Any] = {"log_config": None, "access_log": False, "timeout_graceful_shutdown": 3}
    path = None
    if url.startswith("unix://"):
        path = Path(url.removeprefix("unix://"))
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        options["uds"] = str(path)
    else:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or not parts.port:
            raise CommandError(f"{url!r} is not an address to serve on: use unix:///path or http://host:port.")
        options |= {"host": parts.hostname, "port": parts.port}
    _run(_Server(uvicorn.Config(application, **options), leave), path)


def _run(server: uvicorn.Server, socket: Path | None) -> None:
    """As `uvicorn.run` does it."""
    try:
        server.run()
    except KeyboardInterrupt:
        pass
    finally:
        if socket is not None:
            socket.unlink(missing_ok=True)
    if not server.started:
        sys.exit(_NOT_STARTED)
