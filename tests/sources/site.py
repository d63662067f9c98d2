"""A web site of the tests: real HTTP on this machine."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass
class Page:
    body: bytes
    kind: str = "text/html"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Site:
    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append((self.path, dict(self.headers.items())))
                page = site.pages.get(self.path, Page(b"no such page", "text/plain", 404))
                etag = page.headers.get("ETag")
                if etag and self.headers.get("If-None-Match") == etag:
                    page = Page(b"", page.kind, 304)
                self.send_response(page.status)
                length = {"Content-Type": page.kind, "Content-Length": str(len(page.body))}
                for name, value in {**length, **page.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(page.body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"

    def put(self, path: str, text: str, **options: Any) -> None:
        self.pages[path] = Page(text.encode(), **options)

    def asked_for(self, path: str) -> int:
        return sum(one == path for one, _ in self.asked)

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
