"""Parses a file in a process that can be killed: under limits on time, memory and size."""

from __future__ import annotations

import atexit
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import structlog

from retrieval.config import ParseLimits
from retrieval.contracts import Chunk, ParsedDocument
from retrieval.errors import DocumentRejected, RetrievalError
from retrieval.parsing import scratch
from retrieval.parsing.carrying import unpacked, unpacked_chunk
from retrieval.parsing.sniff import check_size

log = structlog.get_logger(__name__)

_ROOT = Path(__file__).resolve().parent.parent.parent
IDLE_SECONDS = 60.0  # a zygote takes some 70 MB
LOOKS_EVERY_S = 5.0
_START_SECONDS = 30  # importing the parsers, on a busy machine
_COMMAND = [sys.executable, "-W", "ignore", "-m", "retrieval.parsing.zygote"]


@dataclass(frozen=True, slots=True)
class Trial:
    """How a file is to be cut, and which of its passages are wanted."""

    model: str  # its folder
    tokens: int
    overlap: int
    begin: int
    end: int


class ParserUnavailable(RetrievalError):
    """Our own process failed, not the file: a zygote was killed, or cannot start."""

    code, http_status, retryable = "parser_unavailable", 503, True
    user_message = "The process that reads files ended unexpectedly."


class ParserDied(DocumentRejected):
    """The file made its parser run out of time or memory, or crash."""


_FATES = {
    "timeout": "Reading the file took too long and was stopped.",
    "memory": "Reading the file needed more memory than is allowed.",
    "crashed": "The file is damaged in a way that its parser does not survive.",
}


def parse_file(path: Path, name: str, limits: ParseLimits) -> tuple[str, ParsedDocument]:
    """-> media type and document. Raises DocumentRejected with a code, a sentence and advice, or ParserUnavailable."""
    answer = _answered(path, name, limits, None)
    return answer["media_type"], unpacked(answer["parsed"])


def cut_file(path: Path, name: str, limits: ParseLimits, trial: Trial) -> tuple[int, list[Chunk]]:
    """Reads and cuts it where both can be stopped. -> how many passages there are, and those asked for"""
    answer = _answered(path, name, limits, trial)
    return answer["cut"]["total"], [unpacked_chunk(entry) for entry in answer["cut"]["chunks"]]


def _answered(path: Path, name: str, limits: ParseLimits, trial: Trial | None) -> dict[str, Any]:
    check_size(path, limits)
    request = {
        "path": str(path),
        "name": name,
        "limits": asdict(limits),
        "scratch": str(scratch.place.folder or tempfile.gettempdir()),
        "trial": asdict(trial) if trial else None,
    }
    answer = _ask(request, limits)
    if "parsed" in answer or "cut" in answer:
        return answer
    if rejected := answer.get("rejected"):
        error = DocumentRejected(rejected["message"], advice=rejected["advice"])
        error.code = rejected["code"]
        raise error
    if answer.get("gone"):
        raise FileNotFoundError(str(path))
    fate = str(answer.get("died"))
    error = ParserDied(_FATES[fate], detail=str(answer.get("detail", "")))
    error.code = fate if fate != "crashed" else "corrupt"
    log.info(
        "parsing.died",
        fate=fate,
        ending=Path(name).suffix[:12],
        detail=answer.get("detail"),
        peak_kb=answer.get("peak_kb"),
    )
    raise error


class _Pool:
    """The idle zygotes of this process. Each serves one file at a time, and ends when it was not needed for a while."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self._idle: list[_Zygote] = []
        self._lock = threading.Lock()
        self._closing = False  # whether a thread is there that closes what is not needed

    def take(self) -> _Zygote:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return _Zygote()

    def give_back(self, zygote: _Zygote) -> None:
        zygote.used_at = time.monotonic()
        with self._lock:
            self._idle.append(zygote)
            if not self._closing:
                self._closing = True
                threading.Thread(target=self._close_unneeded, name="parsers", daemon=True).start()

    def close_idle(self, after_s: float) -> None:
        idle: list[_Zygote] = []
        with self._lock:
            if after_s:
                latest = time.monotonic() - IDLE_SECONDS + after_s
                for zygote in self._idle:
                    zygote.used_at = min(zygote.used_at, latest)
            else:
                idle, self._idle = self._idle, []
        for zygote in idle:
            zygote.close()

    def _close_unneeded(self) -> None:
        """Ends with the last one."""
        left = True
        while left:
            time.sleep(min(LOOKS_EVERY_S, IDLE_SECONDS / 6))
            with self._lock:
                before = time.monotonic() - IDLE_SECONDS
                unneeded = [zygote for zygote in self._idle if zygote.used_at < before]
                self._idle = [zygote for zygote in self._idle if zygote.used_at >= before]
                left = self._closing = bool(self._idle)
            for zygote in unneeded:
                zygote.close()


_pool = _Pool()


def close_idle(after_s: float = 0.0) -> None:
    """Said by who leaves the work to another process, which has its own: at once, or if none is needed until then."""
    if _pool.owner == os.getpid():
        _pool.close_idle(after_s)


def _ask(request: dict[str, Any], limits: ParseLimits) -> dict[str, Any]:
    """Once more with a new zygote when an idle one turns out to be dead, or dies with the file in hand."""
    global _pool
    if _pool.owner != os.getpid():  # a fork starts with none
        _pool = _Pool()
    try:
        try:
            return _ask_one(_pool.take(), request, limits)
        except _ZygoteGone as gone:
            log.warning("parsing.process_ended", reason=str(gone))
            return _ask_one(_Zygote(), request, limits)
    except (OSError, ValueError) as error:
        raise ParserUnavailable(detail=str(error)) from error


def _ask_one(zygote: _Zygote, request: dict[str, Any], limits: ParseLimits) -> dict[str, Any]:
    try:
        answer = zygote.ask(request, limits.seconds + limits.ocr_seconds + _START_SECONDS)
    except BaseException:
        zygote.close()
        raise
    _pool.give_back(zygote)
    return answer


class _ZygoteGone(OSError):
    pass


class _Zygote:
    def __init__(self) -> None:
        self.used_at = time.monotonic()
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_ROOT,
        )
        atexit.register(self.close)

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Raises _ZygoteGone, or ValueError when it does not answer."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise _ZygoteGone("the parsing process was gone") from error
        data, deadline = bytearray(), time.monotonic() + seconds
        descriptor = self._process.stdout.fileno()
        while not data.endswith(b"\n"):
            if not select.select([descriptor], [], [], max(deadline - time.monotonic(), 0))[0]:
                raise ValueError("the parsing process did not answer")
            part = os.read(descriptor, 1 << 20)
            if not part:
                raise _ZygoteGone("the parsing process ended")
            data += part
        answer: dict[str, Any] = json.loads(data)
        return answer

    def close(self) -> None:
        self._process.kill()
        self._process.wait(5)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):  # a request that a dead one never took is still in the buffer
                    stream.close()
        atexit.unregister(self.close)
