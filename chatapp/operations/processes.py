"""Child processes that never outlive their parent: each has a group of its own, and a guard ends the groups when the
parent is gone without having said goodbye.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

_PR_SET_PDEATHSIG = 1
_LOG_BYTES = 20_000_000
_STEADY_S = 30.0  # a child that lived this long has recovered


@dataclass
class Child:
    """A command that is kept running. `start` and `stop` may be called again and again."""

    name: str
    command: Sequence[str]
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    grace_s: float = 8.0  # between SIGTERM and SIGKILL
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    failures: int = 0
    retry_at: float = 0.0

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own commands
                list(self.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                preexec_fn=_in_child,
            )
        self.started_at = time.monotonic()

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def died(self) -> float | None:
        """Called when it is found dead: the seconds until it is started again; None while that time runs."""
        now = time.monotonic()
        if self.retry_at:
            return None
        self.failures = 1 if now - self.started_at > _STEADY_S else self.failures + 1
        wait = min(2.0 ** (self.failures - 1) * 0.5, 30.0)
        self.retry_at = now + wait
        return wait

    def restart_if_due(self) -> bool:
        if self.retry_at and time.monotonic() >= self.retry_at:
            self.end_group(signal.SIGKILL)  # what the dead one left behind
            self.retry_at = 0.0
            self.start()
            return True
        return False

    def end_group(self, number: signal.Signals) -> None:
        if self.process is not None:
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                return


def _in_child() -> None:
    os.setpgid(0, 0)  # Ctrl-C in a terminal reaches the parent alone, which stops the children in order
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def stop_all(children: Sequence[Child]) -> None:
    """SIGTERM to all groups; SIGKILL to each that is left after its grace, and to what a dead one left behind."""
    begun = time.monotonic()
    for child in children:
        child.end_group(signal.SIGTERM)
    left = list(children)
    while left:
        passed = time.monotonic() - begun
        for child in [c for c in left if not c.running() or passed > c.grace_s]:
            child.end_group(signal.SIGKILL)
            left.remove(child)
        time.sleep(0.05)
    for child in children:
        if child.process is not None:
            child.process.wait(5)


class Guard:
    """A tiny process on a pipe whose other end only we hold: when the pipe ends, it kills the groups named so far."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-S", "-E", str(Path(__file__).with_name("guard.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def watch(self, group: int) -> None:
        self._say(f"+{group}\n")

    def forget(self, group: int) -> None:
        self._say(f"-{group}\n")

    def close(self) -> None:
        """After a clean stop: nothing is left to kill."""
        self._say("bye\n")
        pipe: IO[bytes] | None = self._process.stdin
        if pipe is not None:
            pipe.close()
        self._process.wait(5)

    def _say(self, line: str) -> None:
        if self._process.stdin is not None and not self._process.stdin.closed:
            try:
                self._process.stdin.write(line.encode())
                self._process.stdin.flush()
            except BrokenPipeError:
                return
