"""A real Celery worker in a process of its own, on the database, the files and the broker of the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from chatapp.operations import processes, programs
from retrieval.pipeline.seats import processes_needed
from tests.database import database_url

LEASE_S = 2
_WORKER = [sys.executable, "-m", "celery", "-A", "chatapp", "worker"]


def environment(index_url: str, redis_url: str = "") -> dict[str, str]:
    return {
        **os.environ,
        **programs.environment("worker"),
        "DATABASE_URL": database_url(),
        "CHATAPP_VAR_DIR": str(settings.VAR_DIR),
        "INDEX_SERVICE_URL": index_url,
        "REDIS_URL": redis_url,
        "RETRIEVAL_LEASE_SECONDS": str(LEASE_S),
        "PYTHONUNBUFFERED": "1",
    }


class Worker:
    def __init__(self, index_url: str, redis_url: str, log: Path) -> None:
        self.env = environment(index_url, redis_url)
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*_WORKER, f"--concurrency={processes_needed()}", "--loglevel=INFO"],
                env=self.env,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=settings.BASE_DIR,
            )

    def kill(self) -> None:
        """kill -9 of the worker with all of its children, as a machine that loses power does it."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10)
            self.process = None

    def stop(self) -> None:
        """As the supervisor stops it: SIGTERM for the worker with all of its children, and SIGKILL after its grace.

        Once in a hundred times Celery's pool waits for ever for the lock of a child that died with it.
        """
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(processes.Child.grace_s)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process = None
