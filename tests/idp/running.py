"""Identity providers of others, as processes of their own. Without Node their tests are skipped, and named."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent


@contextmanager
def running(script: str, given: dict[str, Any]) -> Iterator[IdentityProvider]:
    _need_packages()
    process = subprocess.Popen(
        ["node", "--no-warnings", script],
        cwd=FOLDER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield IdentityProvider(process, given)
    finally:
        process.kill()
        process.communicate()


def _need_packages() -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("SIGN-ON TESTS SKIPPED: no Node.js; install nodejs and npm")
    if not (FOLDER / "node_modules" / ".package-lock.json").exists():
        done = subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=FOLDER, capture_output=True, timeout=240
        )
        if done.returncode != 0:
            pytest.skip("SIGN-ON TESTS SKIPPED: `npm ci` in tests/idp failed")


class IdentityProvider:
    def __init__(self, process: subprocess.Popen[str], given: dict[str, Any]) -> None:
        self._process = process
        self.address = self._told(given)

    def change(self, people: dict[str, Any]) -> None:
        self._told(people)

    def _told(self, given: dict[str, Any]) -> str:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(given) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline().strip()
        assert line, "the identity provider did not start"
        return line
