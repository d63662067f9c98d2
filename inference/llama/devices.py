"""The GPUs that llama.cpp was built for, and what is free on them."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

from inference.llama.library import ggml, ll

_GPU, _IN_PROCESSOR = 1, 2  # of ggml_backend_dev_type


@dataclass(frozen=True, slots=True)
class Device:
    name: str
    free: int
    total: int


def gpus() -> list[Device]:
    """Those that llama.cpp would use: graphics in the processor only where there is nothing else."""
    if not ll.llama_supports_gpu_offload():
        return []
    found = [_pointer(index) for index in range(_COUNT())]
    cards = [one for one in found if _KIND(one) == _GPU] or [one for one in found if _KIND(one) == _IN_PROCESSOR]
    return [_measured(one) for one in cards]


def _measured(pointer: int) -> Device:
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    _MEMORY(pointer, ctypes.byref(free), ctypes.byref(total))
    return Device(_NAME(pointer).decode("utf-8", "replace"), free.value, total.value)


def _pointer(index: int) -> int:
    return int(_GET(index))


def _declared(name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(ggml, name)
    function.restype, function.argtypes = result, list(arguments)
    return function


_COUNT = _declared("ggml_backend_dev_count", ctypes.c_size_t)
_GET = _declared("ggml_backend_dev_get", ctypes.c_void_p, ctypes.c_size_t)
_KIND = _declared("ggml_backend_dev_type", ctypes.c_int, ctypes.c_void_p)
_NAME = _declared("ggml_backend_dev_name", ctypes.c_char_p, ctypes.c_void_p)
_SIZE = ctypes.POINTER(ctypes.c_size_t)
_MEMORY = _declared("ggml_backend_dev_memory", None, ctypes.c_void_p, _SIZE, _SIZE)
