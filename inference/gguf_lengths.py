"""Whether the lengths that a GGUF file names can be true, before a reader believes them."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from inference.errors import ModelFileRejected

_WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}  # of GGUF's plain types
_TEXT, _ARRAY = 8, 9
_OTHER_ORDER = 2**16  # a small version, read in the wrong order of bytes, is at least this
_MOST_FIELDS = 65_536
_MOST_MEMBERS = 4_000_000  # of an array of texts: the largest vocabularies hold a tenth of that
_DEEPEST = 1  # arrays in arrays: no model has them


def check_lengths(path: Path) -> None:
    """Raises ModelFileRejected, OSError."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        stream.seek(4)
        order = "<" if _number(stream, "<I") < _OTHER_ORDER else ">"
        tensors, fields = _number(stream, f"{order}Q"), _number(stream, f"{order}Q")
        if fields > _MOST_FIELDS or tensors > _MOST_FIELDS:
            raise ModelFileRejected(detail="more fields or tensors than any model has")
        for _ in range(fields):
            _skip(stream, _number(stream, f"{order}Q"), size)
            _skip_value(stream, order, _number(stream, f"{order}I"), size)


def _skip_value(stream: BinaryIO, order: str, kind: int, size: int, depth: int = 0) -> None:
    if kind == _TEXT:
        _skip(stream, _number(stream, f"{order}Q"), size)
    elif kind == _ARRAY and depth < _DEEPEST:
        inner, count = _number(stream, f"{order}I"), _number(stream, f"{order}Q")
        if count > _MOST_MEMBERS:
            raise ModelFileRejected(detail="a longer array than any model has")
        if inner in _WIDTHS:
            _skip(stream, _WIDTHS[inner] * count, size)
            return
        for _ in range(count):
            _skip_value(stream, order, inner, size, depth + 1)
    elif kind in _WIDTHS:
        _skip(stream, _WIDTHS[kind], size)
    else:
        raise ModelFileRejected(detail=f"a value of kind {kind} at depth {depth}")


def _skip(stream: BinaryIO, length: int, size: int) -> None:
    if length > size - stream.tell():
        raise ModelFileRejected(detail="a length beyond the end of the file")
    stream.seek(length, 1)


def _number(stream: BinaryIO, form: str) -> int:
    read = stream.read(struct.calcsize(form))
    if len(read) < struct.calcsize(form):
        raise ModelFileRejected(detail="the file ends within a number")
    return int(struct.unpack(form, read)[0])
