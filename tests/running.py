"""The whole of Footnote, as `manage.py up` starts it, in a folder of its own."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Footnote:
    def __init__(self, var: Path, port: int | None = None) -> None:
        self.var, self.port = var, port or free_port()
        self.said = ""
        self.process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def link(self) -> str:
        found = re.search(r"/accounts/link/[\w-]+/", self.said)
        assert found, self.said
        return self.url + found[0]

    def sign_in(self, page: Any) -> None:
        """Through the printed link, which is spent then; `page` stands on the first steps afterwards."""
        page.goto(self.link)
        page.get_by_role("button", name="Sign in as admin").click()
        for field in page.locator("input[type=password]").all():
            field.fill("a long enough password")
        page.get_by_role("button", name="Save").click()
        page.wait_for_url("**/admin/welcome/**")

    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")}
        return kept | {"CHATAPP_VAR_DIR": str(self.var), "PORT": str(self.port), "PYTHONUNBUFFERED": "1"}

    def launch(self) -> subprocess.Popen[str]:
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "up"],
            cwd=self.var.parent,  # it starts from any folder
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return self.process

    def start(self) -> None:
        process = self.launch()
        assert process.stdout is not None
        while line := process.stdout.readline():
            self.said += line
            if "Stop with Ctrl-C" in line:
                return
        raise AssertionError(f"ended with {process.wait()}: {self.said}")

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """One of the commands, beside the running processes."""
        command = [sys.executable, "manage.py", *arguments]
        known = self.environment() | environment
        return subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True, timeout=120)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.said += self.process.communicate(timeout=40)[0]
            self.process = None
