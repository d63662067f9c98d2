"""Lies between a web process and a service, byte for byte, and meddles as told: slow, or garbage."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_CHUNK = 65_536
_TEXT = b'"content"'


class Between:
    """`slow_s` is waited before each piece of an answer; `spoil_after` pieces of text, an answer is garbage (None: none
    is); `hold_after` pieces it stands still, and its connection is cut once that is None again. Lists of models pass
    unharmed: to the web process, the service seems well.
    """

    def __init__(self, to: Path) -> None:
        self._to = to
        self.slow_s = 0.0
        self.spoil_after: int | None = None
        self.hold_after: int | None = None
        self.held = 0
        self.questions = 0
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        _in_thread(self._accept)

    def reset(self) -> None:
        self.slow_s, self.spoil_after, self.hold_after, self.held, self.questions = 0.0, None, None, 0, 0

    def stop(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                _in_thread(lambda near=near: self._pair(near))  # type: ignore[misc]

    def _pair(self, near: socket.socket) -> None:
        far = socket.socket(socket.AF_UNIX)
        try:
            far.connect(str(self._to))
        except OSError:  # the service is dead: whoever asks is hung up on
            near.close()
            return
        line = _Line(self, near, far)
        _in_thread(line.ask)
        line.answer()


class _Line:
    """One connection."""

    def __init__(self, between: Between, near: socket.socket, far: socket.socket) -> None:
        self._between, self._near, self._far = between, near, far
        self._answers = False  # to a question, and not to a list
        self._texts = 0

    def ask(self) -> None:
        with suppress(OSError):
            while data := self._near.recv(_CHUNK):
                if data.startswith((b"POST", b"GET")):
                    self._answers, self._texts = data.startswith(b"POST"), 0
                    self._between.questions += self._answers
                self._far.sendall(data)
        _hang_up(self._near, self._far)

    def answer(self) -> None:
        with suppress(OSError):
            while data := self._far.recv(_CHUNK):
                if self._answers:
                    time.sleep(self._between.slow_s)
                    passed, rest = self._passed(data, self._between.hold_after)
                    self._near.sendall(self._spoiled(passed))
                    if rest:
                        self._stand_still()
                        break
                else:
                    self._near.sendall(data)
        _hang_up(self._near, self._far)

    def _stand_still(self) -> None:
        self._between.held += 1
        while self._between.hold_after is not None:
            time.sleep(0.01)

    def _spoiled(self, data: bytes) -> bytes:
        """As long as before: what frames it stays whole."""
        passed, rest = self._passed(data, self._between.spoil_after)
        self._texts += data.count(_TEXT)
        return passed + rest.replace(_TEXT, b"\xff{garbag\xfe")

    def _passed(self, data: bytes, after: int | None) -> tuple[bytes, bytes]:
        """What lies before the piece of text behind the first `after`, and the rest: one read may hold several."""
        if after is None:
            return data, b""
        left = max(0, after - self._texts)
        parts = data.split(_TEXT, left + 1)
        whole = len(data) if len(parts) < left + 2 else len(data) - len(_TEXT) - len(parts[-1])
        return data[:whole], data[whole:]


def _in_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()


def _hang_up(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
