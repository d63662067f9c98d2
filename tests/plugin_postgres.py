"""Starts a Postgres for the tests before Django reads its settings (unless DATABASE_URL names one)."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

if not os.environ.get("DATABASE_URL"):
    from chatapp.operations.postgres import EmbeddedPostgres

    _root = Path(tempfile.mkdtemp(prefix="footnote-test-"))
    _root.chmod(0o755)
    os.environ["CHATAPP_VAR_DIR"] = str(_root)
    _server = EmbeddedPostgres(data=_root / "postgres", sockets=_root / "run")
    _server.start()

    def _stop() -> None:
        _server.stop()
        shutil.rmtree(_root, ignore_errors=True)

    atexit.register(_stop)
