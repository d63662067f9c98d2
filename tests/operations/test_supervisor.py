"""The whole of Footnote on one machine: it starts, answers, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.running import Footnote

QUICK_S = 15  # about five on an idle machine


@pytest.fixture
def footnote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Footnote]:
    running = Footnote(tmp_path_factory.mktemp("up") / "var")
    yield running
    running.stop()


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


def test_it_starts_answers_revives_a_child_and_stops_without_a_trace(footnote: Footnote) -> None:
    footnote.start()
    process = footnote.process
    assert process is not None and process.stdout is not None and footnote.link
    stages = (
        "Starting the database",
        "up to date",
        "Starting the services: index, model, worker, web",
        "page",
        "ready",
    )
    assert [stage in line for stage, line in zip(stages, said(footnote), strict=False)] == [True] * 5, footnote.said
    parts = httpx.get(f"{footnote.url}/readyz").json()["parts"]
    assert parts["database"]["state"] == parts["index"]["state"] == parts["sample"]["state"] == "ok"
    assert httpx.get(f"{footnote.url}/", follow_redirects=False).status_code == 302
    elsewhere = footnote.run("signinlink", "mia", "--create", PORT="")  # another shell, which knows of no port
    assert elsewhere.stdout.startswith(f"{footnote.url}/accounts/link/"), elsewhere.stdout + elsewhere.stderr
    (index,) = [c for c in Path("/proc").glob("[0-9]*") if is_index(c, footnote.var)]
    os.kill(int(index.name), signal.SIGKILL)
    assert "index ended" in process.stdout.readline()
    second = Footnote(footnote.var, footnote.port).launch()
    assert "running already" in second.communicate(timeout=30)[0]
    assert second.returncode != 0
    begun = time.monotonic()
    footnote.stop()
    assert time.monotonic() - begun < QUICK_S
    assert footnote.said.endswith("Stopped.\n")
    assert none_left(footnote.var, 5) == [] and not (footnote.var / "address").exists()
    assert (footnote.var / "log" / "index.log").stat().st_size
    for log in (footnote.var / "log").iterdir():
        for line in log.read_text().splitlines():
            assert {"event", "level", "timestamp"} <= json.loads(line).keys(), f"{log.name}: {line}"


def said(footnote: Footnote) -> list[str]:
    """What `up` said while it started, without what it says once."""
    return [line for line in footnote.said.splitlines() if "sample collection" not in line]


def is_index(entry: Path, var: Path) -> bool:
    try:
        named = b"serve_index" in (entry / "cmdline").read_bytes()
        return named and str(var).encode() in (entry / "environ").read_bytes()
    except OSError:
        return False


def test_nothing_is_left_when_the_supervisor_is_killed(footnote: Footnote) -> None:
    footnote.start()
    assert footnote.process is not None
    footnote.process.kill()
    footnote.process.communicate(timeout=10)
    footnote.process = None
    assert none_left(footnote.var, 15) == []


def test_a_port_in_use_is_named_before_anything_starts(footnote: Footnote) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", footnote.port))
        taken.listen()
        said, _ = footnote.launch().communicate(timeout=60)
    assert f"Port {footnote.port}" in said
    assert not (footnote.var / "postgres").exists()
    footnote.process = None
