"""The processes of the compose file, through the image's own entrypoint, on a real Postgres and a real Redis."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql

from chatapp.operations import programs
from tests.database import database_url
from tests.docker.compose import GIVEN, ROOT, load
from tests.running import free_port
from tests.waiting import wait_until

pytestmark = pytest.mark.redis


@pytest.fixture
def own_database() -> Iterator[str]:
    """An empty database beside that of the tests."""
    name = sql.Identifier("footnote_containers")
    with psycopg.connect(database_url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        yield database_url("footnote_containers")
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def environment(tmp_path: Path, own_database: str, redis_url: str) -> dict[str, str]:
    """That of the compose file; only addresses and folders are those of this machine."""
    given: dict[str, str] = dict(load(GIVEN)["services"]["web"]["environment"])
    given |= {
        "DATABASE_URL": own_database,
        "REDIS_URL": redis_url,
        "INDEX_SERVICE_URL": f"http://127.0.0.1:{free_port()}",
        "MODEL_SERVICE_URLS": f"http://127.0.0.1:{free_port()}",
        "CHATAPP_VAR_DIR": str(tmp_path / "data"),
        "CHATAPP_FILES_DIR": str(tmp_path / "data" / "files"),
        "INFERENCE_MODELS_DIR": str(tmp_path / "data" / "models"),
        "CHATAPP_BIND": "127.0.0.1",
        "CHATAPP_ENV_FILE": os.devnull,
        "PORT": str(free_port()),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    return given


class Containers:
    def __init__(self, environment: dict[str, str], logs: Path) -> None:
        self.environment, self.logs = environment, logs
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        with (self.logs / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [ROOT / "docker" / "entrypoint", name],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            try:
                process.wait(15)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)


def test_the_processes_of_the_compose_file_become_ready_and_tell_what_went_away(
    environment: dict[str, str], tmp_path: Path
) -> None:
    prepared = subprocess.run(
        [ROOT / "docker" / "entrypoint", "migrate"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert prepared.returncode == 0, prepared.stderr
    assert "/accounts/link/" in prepared.stdout
    containers = Containers(environment, tmp_path)
    try:
        for name in programs.NAMES:
            containers.start(name)
        url = f"http://127.0.0.1:{environment['PORT']}/readyz"
        wait_until(lambda: _status(url) == 200, 90, 0.2)
        wait_until(lambda: httpx.get(url).json()["parts"]["worker"]["state"] == "ok", 10, 0.2)  # it was being started
        parts = httpx.get(url).json()["parts"]
        assert {name: part["state"] for name, part in parts.items()} == {
            **dict.fromkeys(("database", "index", "sample", "worker", "disk"), "ok"),
            "model": "weak",
        }
        for address in (environment["INDEX_SERVICE_URL"], environment["MODEL_SERVICE_URLS"], url[: -len("/readyz")]):
            subprocess.run([sys.executable, ROOT / "docker" / "healthcheck.py", address], check=True, timeout=10)
        containers.processes.pop("index").kill()
        wait_until(lambda: _status(url) == 503, 20, 0.2)
        assert httpx.get(url).json()["parts"]["index"] == {"state": "missing"}
        containers.start("index")
        wait_until(lambda: _status(url) == 200, 60, 0.2)
    finally:
        containers.stop()


def _status(url: str) -> int:
    try:
        return httpx.get(url, timeout=10).status_code
    except httpx.HTTPError:
        return 0
