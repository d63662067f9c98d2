"""Text of unknown encoding."""

from __future__ import annotations

import codecs

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decode(data: bytes, *, partial: bool = False) -> str | None:
    """The text, or None for what is not text. `partial`: the data may end inside a character."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decoded(data, encoding, partial)
    if b"\0" in data:
        return _without_mark(data, partial)
    if (text := _decoded(data, "utf-8", partial)) is not None:
        return text
    if sum(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in data) > len(data) // 50:
        return None
    return data.decode("cp1252", errors="replace")


def _without_mark(data: bytes, partial: bool) -> str | None:
    """Zero bytes at every second place are UTF-16 of a Western language; anything else is not text."""
    sample = data[:4000]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = max(len(sample) // 2, 1)
    if odd > 0.4 * half and even < 0.05 * half:
        return _decoded(data, "utf-16-le", partial)
    if even > 0.4 * half and odd < 0.05 * half:
        return _decoded(data, "utf-16-be", partial)
    return None


def _decoded(data: bytes, encoding: str, partial: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data, final=not partial)
    except UnicodeDecodeError:
        return None
