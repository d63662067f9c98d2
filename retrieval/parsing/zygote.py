"""The process that forks a child for each file: the parsers are imported once, and every file still has a process,
limits and a death of its own. Started by sandbox.py; reads requests and writes answers as JSON lines.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.errors import DocumentRejected
from retrieval.parsing import formats, progress
from retrieval.parsing.carrying import packed, packed_chunk
from retrieval.parsing.death import die_with_parent
from retrieval.parsing.scratch import scratch
from retrieval.parsing.sniff import sniff

_ALIVE = b"."
_ANSWER_BYTES = 200_000_000


def main() -> None:
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal reaches the whole group
    for line in sys.stdin:
        request = json.loads(line)
        sys.stdout.buffer.write(_in_child(request) + b"\n")
        sys.stdout.buffer.flush()


def _in_child(request: dict[str, Any]) -> bytes:
    limits = ParseLimits(**request["limits"])
    with scratch(Path(request["scratch"])) as own:
        return _in_child_with(own, request, limits)


def _in_child_with(own: str, request: dict[str, Any], limits: ParseLimits) -> bytes:
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        tempfile.tempdir = own
        _run_child(request, limits, writing)
    os.close(writing)
    try:
        data, in_time = _read_all(reading, limits)
    finally:
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        _, status, usage = os.wait4(child, 0)
    if data.endswith(b"}") and in_time:
        return data[:-1] + f', "peak_kb": {usage.ru_maxrss}}}'.encode()
    return json.dumps({"died": _reason(status, in_time), "peak_kb": usage.ru_maxrss}).encode()


def _read_all(reading: int, limits: ParseLimits) -> tuple[bytes, bool]:
    """The answer, and whether it came in time. Each sign of life before it gives the child its time anew."""
    data = bytearray()
    begun = time.monotonic()
    deadline = begun + limits.seconds
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([reading], [], [], left)[0]:
            break
        part = os.read(reading, 1 << 20)
        if not part:
            return bytes(data), True
        if not data and part.startswith(_ALIVE):
            deadline = min(time.monotonic(), begun + limits.ocr_seconds) + limits.seconds
            part = part.lstrip(_ALIVE)
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
        progress.listen(partial(os.write, writing, _ALIVE))
        answer = _answer(request, limits)
        with os.fdopen(writing, "wb") as stream:
            stream.write(json.dumps(answer).encode())
    finally:
        os._exit(0)


def _answer(request: dict[str, Any], limits: ParseLimits) -> dict[str, Any]:
    try:
        path, name = Path(request["path"]), request["name"]
        sniffed = sniff(path, name, limits)
        parsed = formats.parse(sniffed.kind, path, name, limits)
        if request["trial"]:
            return _cut(parsed, request["trial"])
        return {"media_type": sniffed.media_type, "parsed": packed(parsed)}
    except DocumentRejected as error:
        return {"rejected": {"code": error.code, "message": error.user_message, "advice": error.advice}}
    except FileNotFoundError:
        return {"died": "crashed"} if Path(request["path"]).exists() else {"gone": True}
    except MemoryError:
        return {"died": "memory"}
    except RecursionError:
        return {"died": "crashed"}
    except Exception as error:  # noqa: BLE001 - the outermost loop of the child: a parser's own bug is the file's fate
        return {"died": "crashed", "detail": f"{type(error).__name__}: {error}"[:500]}


def _cut(parsed: ParsedDocument, trial: dict[str, Any]) -> dict[str, Any]:
    """The passages from `begin` to `end` alone, and how many there are."""
    from retrieval.cutting.chunking import chunk_document
    from retrieval.embedders.tokenizer import load_tokenizer

    chunks = chunk_document(
        parsed,
        count_tokens=load_tokenizer(trial["model"]),
        max_tokens=trial["tokens"],
        overlap_tokens=trial["overlap"],
    )
    shown = [packed_chunk(chunk) for chunk in chunks[trial["begin"] : trial["end"]]]
    return {"cut": {"total": len(chunks), "chunks": shown}}


if __name__ == "__main__":
    main()
