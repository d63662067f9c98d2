"""A Starlette application on a port of its own, in a thread: one for many tests, which then need not start theirs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.applications import Starlette
from uvicorn import Config, Server

from tests.waiting import wait_until


@contextmanager
def served(app: Starlette) -> Iterator[str]:
    """Yields its address."""
    server = Server(Config(app, host="127.0.0.1", port=0, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, name="served", daemon=True)
    thread.start()
    wait_until(lambda: server.started, 10)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
