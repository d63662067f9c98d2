"""A folder of their own for the tests, and a Postgres in it unless DATABASE_URL names one, before Django reads its
settings. Files, messages and databases that the environment names for other use stay untouched; no .env is read.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_root = Path(tempfile.mkdtemp(prefix="footnote-test-"))
_root.chmod(0o755)
atexit.register(shutil.rmtree, _root, ignore_errors=True)
os.environ["CHATAPP_VAR_DIR"] = str(_root)
os.environ["CHATAPP_ENV_FILE"] = os.devnull
for _name in ("CHATAPP_FILES_DIR", "REDIS_URL", "REDIS_URL_FILE"):
    os.environ.pop(_name, None)

if not os.environ.get("DATABASE_URL"):
    from chatapp.operations.postgres import EmbeddedPostgres

    _server = EmbeddedPostgres(data=_root / "postgres", sockets=_root / "run")
    _server.start()
    atexit.register(_server.stop)
