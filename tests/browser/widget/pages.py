"""Pages of an intranet that show a widget: on an address of their own, with a policy of their own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Intranet:
    """`html` and `policy` are what is served from now on."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.html, self.policy = "", ""

    @property
    def origin(self) -> str:
        """Of the same site as Footnote at 127.0.0.1: ports make no site."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def elsewhere(self) -> str:
        """The same pages, on another site."""
        return f"http://localhost:{self.port}"

    def shows(self, footnote: str, key: str, *, policy: str = "", language: str = "en", text: str = "") -> None:
        tag = f'<script src="{footnote}/widget.js" data-key="{key}" defer></script>'
        words = text or "<h1>Intranet</h1><p>Canteen, travel, forms.</p><a href='/other/'>Another page</a>"
        direction = "rtl" if language == "ar" else "ltr"
        self.policy = policy
        self.html = (
            f'<!doctype html><html lang="{language}" dir="{direction}"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>Intranet</title>{tag}</head>'
            f"<body><main>{words}</main></body></html>"
        )


@contextmanager
def served_intranet() -> Iterator[Intranet]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = intranet.html.encode() if "favicon" not in self.path else b""
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            if intranet.policy:
                self.send_header("Content-Security-Policy", intranet.policy)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    intranet = Intranet(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield intranet
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
