"""An OpenAI-compatible endpoint that writes one word after the other, at the pace that a test sets."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORDS = [f"word{n} " for n in range(40)]


class ModelDouble:
    """`gate` holds the first word back while it is clear, and `first_after_s` passes before it; `pause_s` lies between
    words; `cut_after` breaks the line. `progress` comes before the first word, as the model service sends it.
    """

    def __init__(self) -> None:
        self.words = list(WORDS)
        self.pause_s = 0.0
        self.first_after_s = 0.0
        self.cut_after: int | None = None
        self.progress: list[dict[str, int]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.calls: list[dict[str, Any]] = []
        self.lists = 0  # how often the models were asked for
        self.writing = 0  # streams that are open now
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/v1"

    def reset(self) -> None:
        self.gate.set()
        self.words, self.pause_s, self.cut_after, self.calls, self.progress = list(WORDS), 0.0, None, [], []
        self.first_after_s = 0.0

    def stop(self) -> None:
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()


def _handler(double: ModelDouble) -> type[BaseHTTPRequestHandler]:
    return type("Handler", (_Handler,), {"double": double})


class _Handler(BaseHTTPRequestHandler):
    double: ModelDouble

    def do_GET(self) -> None:
        self.double.lists += 1
        body = json.dumps({"data": [{"id": "double"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.double.calls.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.double.writing += 1
        try:
            self._write()
        except (BrokenPipeError, ConnectionResetError):
            pass  # the turn was stopped: this is how a model hears of it
        finally:
            self.double.writing -= 1

    def _write(self) -> None:
        while not self.double.gate.wait(0.05):
            self._line(": waiting")
        time.sleep(self.double.first_after_s)
        for progress in self.double.progress:
            self._chunk({"choices": [], "footnote_progress": progress})
        for position, word in enumerate(self.double.words):
            if position == self.double.cut_after:
                return
            self._chunk({"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]})
            time.sleep(self.double.pause_s)
        self._chunk({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self._chunk({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": len(self.double.words)}})
        self._line("data: [DONE]")

    def _chunk(self, chunk: object) -> None:
        self._line(f"data: {json.dumps(chunk)}")

    def _line(self, line: str) -> None:
        self.wfile.write(f"{line}\n\n".encode())
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None: ...
