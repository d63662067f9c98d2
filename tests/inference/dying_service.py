"""A model service that its file ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

_DIES = """
import asyncio, os, sys, time
from pathlib import Path
from inference.config import InferenceConfig, LocalModel
from inference.llama import model
from inference.serving.host import ModelHost

path = Path(sys.argv[1])

class Deadly:
    def __init__(self, path, **values):
        os.kill(os.getpid(), int(sys.argv[2]))
        time.sleep(30)  # another thread may be the one to hear it

async def main():
    model.LlamaModel = Deadly
    host = ModelHost(InferenceConfig((), "token", path.parent, context_tokens=256), lambda: [LocalModel("one", path)])
    async with host.lease("one"):
        pass

asyncio.run(main())
"""


def die(path: Path, number: signal.Signals = signal.SIGABRT) -> None:
    """A service whose load of the file ends it."""
    command = [sys.executable, "-c", _DIES, str(path), str(int(number))]
    assert subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == -number
