"""A smaller file of a model, by llama.cpp's own routine: other number formats, fewer layers.

It says how far it is only in its log, which therefore is read here: for processes that do nothing else.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from inference.download import NoSpace
from inference.errors import InferenceError, ModelFileRejected
from inference.llama.library import ll

_BUFFER_BYTES = 512 * 2**20  # rows of one matrix that are held at once
_MOST_REASON = 300
_INFO, _WARN, _ERROR = 2, 3, 4
_PROGRESS = re.compile(r"^\[\s*(\d+)/\s*(\d+)\]")
_FALLBACK = re.compile(r"(\d+) of \d+ tensor\(s\) required fallback")

_DISK = "iostream error"

_kept: list[Any] = []  # llama.cpp keeps the pointer to the callback: it must never be collected


class _Listener:
    """Reads the routine's log."""

    def __init__(self, progress: Callable[[float], None]) -> None:
        self._progress = progress
        self.fallbacks = 0
        self.reason = ""

    def hear(self, level: int, text: bytes, _: Any) -> None:
        line = text.decode("utf-8", "replace")
        if found := _PROGRESS.match(line):
            self._progress((int(found[1]) - 1) / max(int(found[2]), 1))
        elif found := _FALLBACK.search(line):
            self.fallbacks = int(found[1])
        elif level == _ERROR and line.strip(" =\n"):
            self.reason = line.strip()[:_MOST_REASON]


def quantize(
    source: Path,
    target: Path,
    *,
    to: str | None,
    without_layers: Sequence[int] = (),
    threads: int,
    progress: Callable[[float], None],
) -> int:
    """`to` None: the numbers stay as they are. -> how many matrices did not fit the format and took a larger one.

    Raises ModelFileRejected, NoSpace. A full disk may go unnoticed here: read the file again.
    """
    listener = _Listener(progress)
    callback = ll.llama_log_callback(listener.hear)
    _kept.append(callback)
    ll.llama_log_set(callback, ctypes.c_void_p(0))
    parameters = ll.llama_model_quantize_default_params()
    parameters.nthread = threads
    parameters.max_buf_size = _BUFFER_BYTES
    parameters.allow_requantize = True
    if to is None:
        parameters.only_copy = True
    else:
        parameters.ftype = getattr(ll, "LLAMA_FTYPE_ALL_F32" if to == "F32" else f"LLAMA_FTYPE_MOSTLY_{to}")
    if without_layers:
        layers = (ctypes.c_int32 * (len(without_layers) + 1))(*sorted(without_layers), -1)
        parameters.prune_layers = ctypes.cast(layers, ctypes.POINTER(ctypes.c_int32))
    if ll.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(parameters)) != 0:
        raise _refusal(listener.reason)
    return listener.fallbacks


def _refusal(reason: str) -> InferenceError:
    if _DISK in reason:
        return NoSpace("The file could not be written: the disk is full.", detail=reason)
    why = reason.rpartition("failed to quantize: ")[2].rstrip(". ")
    return ModelFileRejected(f"llama.cpp cannot make that file{f': {why}' if why else ''}.", detail=reason)
