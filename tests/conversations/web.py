"""A real web process, and people who talk to it over real sockets."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from chatapp.accounts.models import User
from tests.conftest import signed_in_session
from tests.ingestion.worker import environment
from tests.waiting import wait_until

Frame = dict[str, Any]
_EMPTYING = "waits for AccessExclusiveLock on relation"


class Web:
    def __init__(self, folder: Path, index_url: str, model_url: str, redis_url: str = "", **more: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = folder / f"web-{self.port}.log"
        self.environment = {
            **environment(index_url, redis_url),
            "INFERENCE_API_BASE_URL": model_url,
            "INFERENCE_API_MODEL": "double",
            "INFERENCE_RETRIES": "0",
            "MODEL_SERVICE_URLS": f"unix://{folder}/nobody.sock",
            **more,
        }
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "uvicorn", "chatapp.asgi:application", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--timeout-graceful-shutdown", "3", "--log-level", "warning"],
                env=self.environment,
                cwd=settings.BASE_DIR,
                stdout=log,
                stderr=log,
            )
        wait_until(self._answers, 30)

    def _answers(self) -> bool:
        assert self.process is not None and self.process.poll() is None, self.log.read_text()[-3000:]
        try:
            return httpx.get(f"{self.url}/healthz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def send(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def had_no_traceback(self) -> None:
        """But of a deadlock with the emptying of all tables behind a test, whose lock nothing else takes: an answer was
        still being written."""
        lines = self.log.read_text(errors="replace").splitlines()
        found = [line[:4000] for line in lines if "Traceback" in line and _EMPTYING not in line]
        assert not found, "\n".join(found[:2])

    def end(self, number: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(15)
            self.process = None


class Client:
    """A signed-in person: one session, sockets and HTTP."""

    def __init__(self, web: Web, user: User) -> None:
        self.web, self.user = web, user
        self.session = signed_in_session(user)
        self.http = httpx.Client(base_url=web.url, cookies={"sessionid": self.session}, timeout=10)

    def socket(self) -> Socket:
        return Socket(self.web, {"Cookie": f"sessionid={self.session}", "Origin": self.web.url})

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path, headers={"Accept": "application/json"})

    def csrf(self) -> dict[str, str]:
        token = "a" * 32
        self.http.cookies.set("csrftoken", token)
        return {"X-CSRFToken": token, "Referer": self.web.url, "Accept": "application/json"}

    def let_the_session_expire(self) -> None:
        Session.objects.filter(pk=self.session).update(expire_date=timezone.now() - timedelta(seconds=1))

    def sign_out(self) -> None:
        SessionStore(self.session).delete()

    def message(self, accepted: Frame) -> dict[str, Any]:
        detail = self.get(f"/api/conversations/{accepted['conversation']}/").json()
        found: dict[str, Any] = next(m for m in detail["messages"] if m["id"] == accepted["answer"])
        return found


class Socket:
    def __init__(self, web: Web, headers: dict[str, str], *, slow: bool = False) -> None:
        raw = socket.create_connection(("127.0.0.1", web.port))
        if slow:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        url = f"ws://127.0.0.1:{web.port}/ws/chat/"
        self._opening = connect(
            url, sock=raw, additional_headers=headers, compression=None, max_queue=4 if slow else None
        )
        self.connection: ClientConnection = self._opening.__enter__()

    def __enter__(self) -> Socket:
        self.hello = self.receive()
        assert self.hello["type"] == "hello"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._opening.__exit__(kind, error, at)

    def send(self, frame: Frame) -> None:
        self.connection.send(json.dumps(frame))

    def receive(self, timeout_s: float = 10.0) -> Frame:
        frame: Frame = json.loads(self.connection.recv(timeout_s))
        return frame

    def next_of_turn(self) -> Frame:
        """What tells of other tabs is passed over: after a quick reconnect the one before is another tab."""
        while "seq" not in (frame := self.receive()):
            assert frame["type"] == "accepted", frame
        return frame

    def until(self, kind: str, timeout_s: float = 15.0) -> list[Frame]:
        """All frames up to the first of this type."""
        frames: list[Frame] = []
        deadline = time.monotonic() + timeout_s
        while not frames or frames[-1]["type"] != kind:
            frames.append(self.receive(max(0.01, deadline - time.monotonic())))
            refused = frames[-1]["type"] == "error" and "seq" not in frames[-1]
            assert kind == "error" or not refused, frames[-1]
        return frames

    def ask(self, text: str = "How many days of leave?", **values: Any) -> Frame:
        self.send({"type": "ask", "id": "a", "text": text, **values})
        return self.until("accepted")[-1]

    def resume(self, turn: str, after: int = 0) -> None:
        self.send({"type": "resume", "turn": turn, "after": after})

    def closed_with(self, timeout_s: float = 8.0) -> int:
        """-> the closing code; frames on the way are dropped."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                self.receive(max(0.01, deadline - time.monotonic()))
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else 0


def text_of(frames: list[Frame]) -> str:
    return "".join(frame["text"] for frame in frames if frame["type"] == "text")


def numbers_of(frames: list[Frame]) -> list[int]:
    return [frame["seq"] for frame in frames if "seq" in frame]
