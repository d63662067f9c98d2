"""The only module that imports llama_cpp. Importing it starts llama.cpp; its errors go to our log."""

from __future__ import annotations

import ctypes
import os
from typing import Any

os.environ.setdefault("GGML_NO_BACKTRACE", "1")  # an assertion would otherwise wait for a debugger

import llama_cpp as ll
import structlog
from llama_cpp._ggml import libggml as ggml
from llama_cpp.llama_grammar import json_schema_to_gbnf

__all__ = ["ggml", "json_schema_to_gbnf", "ll"]

log = structlog.get_logger(__name__)

_ERROR = 4


def _on_log(level: int, text: bytes, _: Any) -> None:
    if level == _ERROR:  # warnings are routine here, and level 5 goes on with the line before
        log.error("llama", text=text.decode("utf-8", "replace").strip()[:500])


# llama.cpp keeps the pointer: were this object collected, the next log line would end the process.
_LOG_CALLBACK = ll.llama_log_callback(_on_log)
ll.llama_log_set(_LOG_CALLBACK, ctypes.c_void_p(0))
ll.llama_backend_init()
