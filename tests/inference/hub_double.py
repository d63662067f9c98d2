"""An HTTP server shaped like the Hugging Face Hub: another host has the bytes, checksums are named, ranges known."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

ACCEPTED = "hf_accepted"


@dataclass
class Hub:
    """`script`: what each request for the bytes meets, in order; afterwards they are sent whole."""

    content: bytes
    url: str = ""
    names: str = ""  # the checksum that it names; "" for the true one
    gated: bool = False
    ranges: bool = True
    sends_to: str = ""  # "" for its own second host
    length: bool = True
    script: list[str] = field(default_factory=list)
    asked: list[tuple[str, str, str]] = field(default_factory=list)  # path, Range, Authorization

    @property
    def digest(self) -> str:
        return self.names or hashlib.sha256(self.content).hexdigest()

    def asked_ranges(self) -> list[str]:
        return [asked_range for path, asked_range, _ in self.asked if path.startswith("/cdn/")]


@contextmanager
def hub(content: bytes) -> Iterator[Hub]:
    double = Hub(content)

    class Handler(_Handler):
        hub = double

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    double.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        self.hub.asked.append((path, self.headers.get("Range") or "", self.headers.get("Authorization") or ""))
        if path.startswith("/cdn/"):
            self._bytes()
        elif path.startswith("/acme/"):
            self._resolve(path)
        else:
            self._end(404)

    def _resolve(self, path: str) -> None:
        token = self.headers.get("Authorization")
        if "/tiny/resolve/main/" not in path:
            self._end(401, {"X-Error-Code": "RepoNotFound"})
        elif not path.endswith("/tiny.gguf"):
            self._end(404, {"X-Error-Code": "EntryNotFound"})
        elif self.hub.gated and token != f"Bearer {ACCEPTED}":
            self._end(403 if token else 401, {"X-Error-Code": "GatedRepo"})
        else:
            elsewhere = self.hub.sends_to or self.hub.url.replace("127.0.0.1", "localhost") + "/cdn/blob?signed=1"
            self._end(302, {"Location": elsewhere, "X-Linked-Etag": f'"{self.hub.digest}"'})

    def _bytes(self) -> None:
        act = self.hub.script.pop(0) if self.hub.script else "whole"
        if act.isdigit():
            return self._end(int(act))
        asked = self.headers.get("Range") if self.hub.ranges else None
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        whole = len(self.hub.content)
        if asked and start >= whole:
            return self._end(416, {"Content-Range": f"bytes */{whole}"})
        body = self.hub.content[start:]
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        if self.hub.length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if act == "cut" else body)

    def _end(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return
