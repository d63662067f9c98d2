"""Text of unknown encoding."""

from __future__ import annotations

import codecs
import re

import charset_normalizer

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([A-Za-z0-9_.:-]{2,40})", re.I)
_SAMPLE = 20_000
_FOREIGN = 0.25  # of the bytes


def decode(data: bytes, *, partial: bool = False) -> str | None:
    """The text, or None for what is not text. `partial`: the data may end inside a character."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _decoded(data, encoding, partial)
    if b"\0" in data:
        return _without_mark(data, partial)
    if (text := _decoded(data, "utf-8", partial)) is not None:
        return text
    if (text := _of_other_script(data, partial)) is not None:
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


def decode_page(data: bytes) -> str | None:
    """A web page may say itself how it is written."""
    said = _CHARSET.search(data[:4096])
    if said is None or data.startswith(tuple(mark for mark, _ in _MARKS)) or _decoded(data, "utf-8", False) is not None:
        return decode(data)
    try:
        return data.decode(said[1].decode("ascii"), errors="replace").replace("\0", "")
    except LookupError:
        return decode(data)


def _of_other_script(data: bytes, partial: bool) -> str | None:
    """Text without Latin letters has many bytes past ASCII; Western text has few, of which none can be told apart."""
    sample = data[:_SAMPLE]
    if sum(byte > 127 for byte in sample) < _FOREIGN * len(sample):
        return None
    best = charset_normalizer.from_bytes(sample, cp_exclusion=["utf_16", "utf_32"]).best()
    if best is None or best.encoding in ("ascii", "utf_8"):
        return None
    return data.decode(best.encoding, errors="replace") if partial else _decoded(data, best.encoding, partial)


def _decoded(data: bytes, encoding: str, partial: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data, final=not partial)
    except UnicodeDecodeError:
        return None
