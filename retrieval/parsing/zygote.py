"""The process that forks a child for each file: the parsers are imported once, and every file still has a process,
limits and a death of its own. Started by sandbox.py; reads requests and writes answers as JSON lines.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import select
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from retrieval.config import ParseLimits
from retrieval.errors import DocumentRejected
from retrieval.parsing import formats

_PR_SET_PDEATHSIG = 1
_ANSWER_BYTES = 200_000_000


def main() -> None:
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches the whole group
    for line in sys.stdin:
        request = json.loads(line)
        sys.stdout.buffer.write(_in_child(request) + b"\n")
        sys.stdout.buffer.flush()


def die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _in_child(request: dict[str, Any]) -> bytes:
    limits = ParseLimits(**request["limits"])
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _run_child(request, limits, writing)
    os.close(writing)
    try:
        data, in_time = _read_all(reading, time.monotonic() + limits.seconds)
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        _, status, usage = os.wait4(child, 0)
    if data.endswith(b"}") and in_time:
        return data[:-1] + f', "peak_kb": {usage.ru_maxrss}}}'.encode()
    return json.dumps({"died": _reason(status, in_time), "peak_kb": usage.ru_maxrss}).encode()


def _read_all(reading: int, deadline: float) -> tuple[bytes, bool]:
    data = bytearray()
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([reading], [], [], left)[0]:
            break
        part = os.read(reading, 1 << 20)
        if not part:
            return bytes(data), True
        data += part
        if len(data) > _ANSWER_BYTES:
            return b"", True
    return bytes(data), False


def _reason(status: int, in_time: bool) -> str:
    if not in_time or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU):
        return "timeout"
    return "crashed"


def _run_child(request: dict[str, Any], limits: ParseLimits, writing: int) -> None:
    """Never returns."""
    try:
        die_with_parent()
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
        resource.setrlimit(resource.RLIMIT_CPU, (limits.seconds, limits.seconds + 2))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        answer = _answer(request, limits)
        with os.fdopen(writing, "wb") as stream:
            stream.write(json.dumps(answer).encode())
    finally:
        os._exit(0)


def _answer(request: dict[str, Any], limits: ParseLimits) -> dict[str, Any]:
    try:
        parsed = formats.parse(request["kind"], Path(request["path"]), request["name"], limits)
        return {"parsed": asdict(parsed)}
    except DocumentRejected as error:
        return {"rejected": {"code": error.code, "message": error.user_message, "advice": error.advice}}
    except MemoryError:
        return {"died": "memory"}
    except RecursionError:
        return {"died": "crashed"}
    except Exception as error:  # noqa: BLE001 - the outermost loop of the child: a parser's own bug is the file's fate
        return {"died": "crashed", "detail": f"{type(error).__name__}: {error}"[:500]}


if __name__ == "__main__":
    main()
