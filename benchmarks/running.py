"""A whole Footnote in a folder of its own, and what its processes weigh."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANAGE = [sys.executable, "manage.py"]
_STOP_S = 30
_NAMES = {
    "serve_index": "index service",
    "serve_model": "model service",
    "celery": "worker, parsers included",
    "uvicorn": "web",
    "bin/postgres": "Postgres",
    "guard.py": "supervisor",
    "manage.py up": "supervisor",
}


@dataclass(frozen=True, slots=True)
class Memory:
    """In bytes. PSS shares what processes share; RSS counts it once for each."""

    pss: int = 0
    rss: int = 0

    def __add__(self, other: Memory) -> Memory:
        return Memory(self.pss + other.pss, self.rss + other.rss)


class Running:
    def __init__(self, var: Path, added: Mapping[str, str] | None = None) -> None:
        self.var, self.port = var, free_port()
        kept = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")}
        self.environment = kept | {"CHATAPP_VAR_DIR": str(var), "PORT": str(self.port), "PYTHONUNBUFFERED": "1"}
        self.environment |= added or {}
        self.ready_s = 0.0
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Until it says that it is ready: everything answers, the sample collection included."""
        begun = time.monotonic()
        self.process = subprocess.Popen([*MANAGE, "up"], env=self.environment, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "is ready" in line:
                self.ready_s = time.monotonic() - begun
                return
        raise SystemExit(f"Footnote ended with {self.process.wait()}; see {self.var}/log.")

    def stop(self) -> float:
        """-> seconds"""
        begun = time.monotonic()
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.communicate(timeout=_STOP_S)
            self.process = None
        return time.monotonic() - begun

    def ingest(self, paths: Sequence[Path], collection: str, limit_s: float) -> list[dict[str, Any]]:
        command = [*MANAGE, "ingest", *map(str, paths), "--collection", collection, "--json"]
        done = subprocess.run(command, env=self.environment, stdout=subprocess.PIPE, text=True, timeout=limit_s)
        documents: list[dict[str, Any]] = json.loads(done.stdout)["documents"]
        return documents

    def memory(self, only: str = "") -> dict[str, Memory]:
        """By process, children included; `only` names one, where weighing the others would cost too much."""
        assert self.process is not None
        found: dict[str, Memory] = defaultdict(Memory)
        for head, pids in families(self.process.pid).items():
            name = name_of(head)
            if only not in ("", name):
                continue
            found[name] += sum((weigh(pid) for pid in pids), Memory())
        return dict(found)


@contextmanager
def running(var: Path, added: Mapping[str, str] | None = None) -> Iterator[Running]:
    footnote = Running(var, added)
    try:
        footnote.start()
        yield footnote
    finally:
        footnote.stop()


def free_port() -> int:
    """One of a range that nothing else is likely to want."""
    for port in range(8100, 8200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise SystemExit("No port from 8100 to 8199 is free.")


def families(root: int) -> dict[int, list[int]]:
    """For the process and each of its children: itself with all that descend from it."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found: dict[int, list[int]] = defaultdict(list, {root: [root]})
    for pid in parents:
        child = pid
        while parents.get(child, 0) not in (root, 0):
            child = parents[child]
        if parents.get(child) == root:
            found[child].append(pid)
    return dict(found)


def weigh(pid: int) -> Memory:
    try:
        rows = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
    except OSError:
        return Memory()  # it ended meanwhile
    return Memory(*(int(rows[name].split()[0]) * 1024 for name in ("Pss", "Rss")))


def name_of(pid: int) -> str:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return "ended"
    return next((name for part, name in _NAMES.items() if part in line), line[:40])
