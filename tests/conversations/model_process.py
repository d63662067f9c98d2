"""The model service as a process of its own, which may be killed, frozen and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from io import StringIO
from pathlib import Path

import httpx
from django.conf import settings
from django.core.management import call_command

from tests.database import database_url
from tests.waiting import wait_until

TOKEN = "token"


class ModelProcess:
    """`manage.py serve_model` at a Unix socket in `folder`."""

    def __init__(self, folder: Path, name: str = "model", **environment: str) -> None:
        self.socket, self.log = folder / f"{name}.sock", folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._environment = os.environ | {
            "CHATAPP_VAR_DIR": str(settings.VAR_DIR),
            "CHATAPP_INTERNAL_TOKEN": TOKEN,
            "MODEL_SERVICE_URLS": self.url,
            "INFERENCE_THREADS": "1",
            **environment,
        }

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def launch(self, **environment: str) -> None:
        known = self._environment | {"DATABASE_URL": database_url()} | environment
        command = [sys.executable, "manage.py", "serve_model"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=known, stdout=log, stderr=log)

    def start(self, **environment: str) -> None:
        self.launch(**environment)
        wait_until(self.answers, 60)

    def answers(self) -> bool:
        assert self.process is not None and self.process.poll() is None, self.log.read_text()[-2000:]
        try:
            return self.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def get(self, path: str) -> httpx.Response:
        transport = httpx.HTTPTransport(uds=str(self.socket))
        with httpx.Client(transport=transport, base_url="http://model", timeout=5) as client:
            return client.get(path, headers={"Authorization": f"Bearer {TOKEN}"})

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def end(self) -> None:
        """kill -9, also of one that is frozen."""
        if self.process is not None:
            self.signal(signal.SIGKILL)
            self.process.wait(10)
            self.process = None


def install(path: Path, name: str) -> None:
    """As the default model of the registry."""
    call_command("models", "add", str(path), "--name", name, "--json", stdout=StringIO())
    call_command("models", "default", name, "--json", stdout=StringIO())
