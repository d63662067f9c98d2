"""An OpenAI-compatible endpoint outside the house that keeps every byte it is sent; a proxy that is misused, too."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO

WORDS = ("Written ", "outside.")


class RecordingEndpoint:
    """`failing`: it refuses with that status, such as 503. Whatever the path ends in is answered: also what is meant
    for somebody else and comes this way because of HTTP_PROXY.
    """

    def __init__(self) -> None:
        self.failing = 0
        self._kept = bytearray()
        self._asked = 0
        self._keeping = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"endpoint": self}))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    @property
    def url(self) -> str:
        return f"{self.address}/v1"

    @property
    def asked(self) -> int:
        """How many answers were asked for since `forget`."""
        return self._asked

    def holds(self, word: str) -> bool:
        """Anywhere: in a request's line, headers or body, also as JSON or an address escapes it."""
        with self._keeping:
            kept = bytes(self._kept).lower()
        return any(form.encode() in kept for form in {word.lower(), json.dumps(word.lower())[1:-1]})

    def keep(self, data: bytes) -> None:
        with self._keeping:
            self._kept += data

    def count(self) -> None:
        with self._keeping:
            self._asked += 1

    def forget(self) -> None:
        with self._keeping:
            self._kept.clear()
            self._asked, self.failing = 0, 0

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class _Keeping:
    """What a handler reads of its connection, kept as it comes."""

    def __init__(self, source: BinaryIO, endpoint: RecordingEndpoint) -> None:
        self._source, self._endpoint = source, endpoint

    def readline(self, size: int = -1) -> bytes:
        return self._keep(self._source.readline(size))

    def read(self, size: int = -1) -> bytes:
        return self._keep(self._source.read(size))

    def close(self) -> None:
        self._source.close()

    def _keep(self, data: bytes) -> bytes:
        self._endpoint.keep(data)
        return data


class _Handler(BaseHTTPRequestHandler):
    endpoint: RecordingEndpoint

    def setup(self) -> None:
        super().setup()
        self.rfile = _Keeping(self.rfile, self.endpoint)  # type: ignore[assignment]

    def do_GET(self) -> None:
        self._reply(200, "application/json", json.dumps({"data": [{"id": "outside"}]}).encode())

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.endpoint.count()
        if self.endpoint.failing:
            self._reply(self.endpoint.failing, "application/json", b'{"error": {"message": "no"}}')
        else:
            self._reply(200, "text/event-stream", b"".join(_lines()))

    do_CONNECT = do_POST  # what would be hidden from a proxy that is asked for a tunnel

    def _reply(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None: ...


def _lines() -> list[bytes]:
    pieces = [{"index": 0, "delta": {"content": word}, "finish_reason": None} for word in WORDS]
    ending = {"index": 0, "delta": {}, "finish_reason": "stop"}
    chunks = [{"choices": [one]} for one in (*pieces, ending)]
    return [*(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks), b"data: [DONE]\n\n"]
