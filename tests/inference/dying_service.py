"""A model service that its file ends, and one that is ended while it loads its file."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.waiting import wait_until

_DIES = """
import asyncio, os, sys, time
from pathlib import Path
from inference.config import InferenceConfig, LocalModel
from inference.llama import model
from inference.serving.host import ModelHost

path = Path(sys.argv[1])

class Killing:
    def __init__(self, path, **values):
        os.kill(os.getpid(), int(sys.argv[2]))
        time.sleep(30)  # another thread may be the one to hear it

async def main():
    model.LlamaModel = Killing
    host = ModelHost(InferenceConfig((), "token", path.parent, context_tokens=256), lambda: [LocalModel("one", path)])
    async with host.lease("one"):
        pass

asyncio.run(main())
"""


_LOADS = """
import sys, time
from pathlib import Path
from chatapp.operations.serving import serve
from inference.config import InferenceConfig, LocalModel
from inference.llama import model
from inference.server import create_app

path = Path(sys.argv[1])

class Slow:
    def __init__(self, path, **values):
        (path.parent / "loading").touch()
        time.sleep(60)

model.LlamaModel = Slow
app = create_app(InferenceConfig((), "token", path.parent, context_tokens=256), lambda: [LocalModel("one", path)])
serve(app, sys.argv[2], leave=app.state.leave)
"""


@contextmanager
def loading(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A service that somebody asked, so that it loads the file; it does not come to its end."""
    address = path.parent / "model.sock"
    with subprocess.Popen([sys.executable, "-c", _LOADS, str(path), f"unix://{address}"]) as process:
        try:
            wait_until(address.exists, 30)
            with closing(_asked(address)):
                wait_until((path.parent / "loading").exists, 30)
                yield process
        finally:
            process.kill()


def _asked(path: Path) -> socket.socket:
    body = b'{"model": "one", "messages": [{"role": "user", "content": "Hello"}]}'
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(path))
    head = "POST /v1/chat/completions HTTP/1.1\r\nHost: model\r\nAuthorization: Bearer token\r\n"
    connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return connection


def die(path: Path, number: signal.Signals = signal.SIGABRT) -> None:
    """A service whose load of the file ends it."""
    command = [sys.executable, "-c", _DIES, str(path), str(int(number))]
    assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == -number
