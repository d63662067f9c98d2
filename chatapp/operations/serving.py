"""Runs an ASGI application on the address that a setting names: unix:///path or http://host:port."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from django.core.management.base import CommandError


def serve(application: Any, url: str) -> None:
    """Blocks until SIGTERM or SIGINT."""
    options: dict[str, Any] = {"log_config": None, "access_log": False, "timeout_graceful_shutdown": 3}
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
    uvicorn.run(application, **options)
