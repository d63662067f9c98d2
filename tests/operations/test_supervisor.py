"""The whole of Footnote on one machine: it starts, answers, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def var(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("up")
    return folder / "var"


def start(var: Path, port: int) -> subprocess.Popen:
    environment = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL")}
    environment |= {"CHATAPP_VAR_DIR": str(var), "PORT": str(port), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_until_ready(process: subprocess.Popen) -> str:
    said = ""
    while line := process.stdout.readline():
        said += line
        if "Stop with Ctrl-C" in line:
            return said
    raise AssertionError(f"ended with {process.wait()}: {said}")


def left_behind(var: Path) -> list[str]:
    """Command lines of processes whose environment or arguments name this folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            known = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            zombie = (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            continue
        if str(var).encode() in known and not zombie and entry.name != str(os.getpid()):
            found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def none_left(var: Path, seconds: float) -> list[str]:
    deadline = time.monotonic() + seconds
    while (found := left_behind(var)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def test_it_starts_answers_revives_a_child_and_stops_without_a_trace(var: Path, port: int):
    process = start(var, port)
    try:
        said = wait_until_ready(process)
        address = f"http://127.0.0.1:{port}"
        assert re.search(rf"http://localhost:{port}/accounts/link/[\w-]+/", said)
        parts = httpx.get(f"{address}/readyz").json()["parts"]
        assert parts["database"]["state"] == parts["index"]["state"] == "ok"
        assert httpx.get(f"{address}/", follow_redirects=False).status_code == 302
        (index,) = [c for c in Path("/proc").glob("[0-9]*") if is_index(c, var)]
        os.kill(int(index.name), signal.SIGKILL)
        assert "index ended" in process.stdout.readline()
        second = start(var, port)
        assert "running already" in second.communicate(timeout=30)[0]
        assert second.returncode != 0
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=40)
    assert none_left(var, 5) == []


def is_index(entry: Path, var: Path) -> bool:
    try:
        named = b"serve_index" in (entry / "cmdline").read_bytes()
        return named and str(var).encode() in (entry / "environ").read_bytes()
    except OSError:
        return False


def test_nothing_is_left_when_the_supervisor_is_killed(var: Path, port: int):
    process = start(var, port)
    wait_until_ready(process)
    process.kill()
    process.communicate(timeout=10)
    assert none_left(var, 15) == []


def test_a_port_in_use_is_named_before_anything_starts(var: Path, port: int):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        said, _ = start(var, port).communicate(timeout=60)
    assert f"Port {port}" in said
    assert not (var / "postgres").exists()
