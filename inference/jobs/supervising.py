"""Runs one child to its end: passes its progress on, and kills it when it is cancelled, late, or we are stopped."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import structlog

from inference.errors import InferenceError
from inference.jobs.errors import JobFailed

log = structlog.get_logger(__name__)

MOST_SECONDS = 12 * 3600.0  # of one child
_BEAT_S = 1.0
_LINE_BYTES = 4_000_000
_ROOT = Path(__file__).resolve().parent.parent.parent

Beat = Callable[[float, str], None]  # raises to end the child


def run_child(given: dict[str, Any], beat: Beat) -> dict[str, Any]:
    """-> what the child found. Raises what `beat` raises, and InferenceError with the child's sentence."""
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as request:
        _write_down(given, request)
        process = subprocess.Popen(
            [sys.executable, "-m", "inference.jobs.child"],
            stdin=request,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=_ROOT,
            start_new_session=True,  # Ctrl-C in a terminal reaches us alone
        )
        try:
            last = _listen(process, beat)
        finally:
            _end(process)
        return _found(last, process.returncode, errors)


def _write_down(given: dict[str, Any], request: IO[bytes]) -> None:
    """In a file: a pipe takes so much alone, and the child may hang before it reads."""
    request.write(json.dumps(given | {"parent": os.getpid()}).encode())
    request.seek(0)


def _listen(process: subprocess.Popen[bytes], beat: Beat) -> dict[str, Any]:
    """-> the last line that is no progress."""
    if process.stdout is None:
        raise JobFailed
    progress, step = 0.0, "starting"
    last: dict[str, Any] = {}
    held, begun, beaten = b"", time.monotonic(), 0.0
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if time.monotonic() - begun > MOST_SECONDS:
                raise JobFailed(f"The work took longer than {MOST_SECONDS / 3600:.0f} hours.", advice="It was ended.")
            if time.monotonic() - beaten >= _BEAT_S:
                beat(progress, step)
                beaten = time.monotonic()
            if not selector.select(_BEAT_S / 4):
                continue
            part = os.read(process.stdout.fileno(), 1 << 16)
            if not part or len(held) > _LINE_BYTES:
                return last
            *lines, held = (held + part).split(b"\n")
            for line in lines:
                told = json.loads(line)
                if "progress" in told:
                    progress, step = told["progress"], told["step"]
                else:
                    last = told


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(0.5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(30)
    if process.stdout:
        process.stdout.close()


def _found(last: dict[str, Any], code: int, errors: IO[bytes]) -> dict[str, Any]:
    if "done" in last:
        found: dict[str, Any] = last["done"]
        return found
    errors.seek(max(errors.seek(0, 2) - 2000, 0))
    said = errors.read().decode("utf-8", "replace")
    told = last.get("error", {})
    log.warning("job.child_failed", exit=code, told=told, stderr=said)
    if told:
        error = InferenceError(told["message"], advice=told["advice"], detail=told.get("detail", ""))
        raise JobFailed(error.user_message, advice=error.advice, detail=str(error))
    if code == -signal.SIGKILL:
        raise JobFailed("The process that did the work was killed.", advice="Is there enough memory?")
    raise JobFailed(f"The process that did the work ended with {code}: llama.cpp could not go on with this file.")
