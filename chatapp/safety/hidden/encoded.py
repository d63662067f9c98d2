"""Texts that are hidden in others by an encoding: base64, hexadecimal, percent signs, rot13."""

from __future__ import annotations

import base64
import binascii
import codecs
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from chatapp.safety import linear

_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_\-])[A-Za-z0-9+/_\-]{20,8000}={0,2}")
_HEX = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}[ :]?){12,4000}")
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2}|[A-Za-z0-9_.~\-]){12,8000}")
_WORD = re.compile(r"[a-z]{2,12}")
_COMMON = frozenset(
    (
        "the of and to in is you that it for are as with this be have from or by not but what all were when "
        "your can said there use an each which she do how their if will up other about out many then them "
        "these so some her would make like him into time has look two more write go see no way could people "
        "my than first been call who its now find "
    ).split()
)
_TURNED = frozenset(codecs.encode(one, "rot13") for one in _COMMON)
# Without a run of letters and figures that is long enough none of them is there; looked for first, in linear time.
_SIGN = linear.sign(r"[A-Za-z0-9+/_\-]{20}|(?:[0-9A-Fa-f]{2}[ :]?){12}|%[0-9A-Fa-f]{2}")
MOST, DEPTH = 6, 2  # texts out of one, and encodings within encodings


def decoded(text: str, depth: int = DEPTH) -> list[str]:
    """Readable texts that stand in this one under an encoding, at most MOST."""
    found: list[str] = []
    for one in _payloads(text):
        if one in found:
            continue
        found.append(one)
        if depth > 1:
            found += decoded(one, depth - 1)
        if len(found) >= MOST:
            break
    return found[:MOST]


def _payloads(text: str) -> Iterator[str]:
    if _SIGN.search(text):
        yield from _in_runs(text)
    if _is_rotated(text):
        yield codecs.decode(text, "rot13")


def _in_runs(text: str) -> Iterator[str]:
    for match in _BASE64.finditer(text):
        yield from _readable(_from_base64(match.group()))
    for match in _HEX.finditer(text):
        yield from _readable(bytes.fromhex(re.sub(r"[ :]", "", match.group())))
    for match in _PERCENT.finditer(text) if text.count("%") >= 3 else ():
        if match.group().count("%") >= 3:
            yield from _readable(unquote_to_bytes(match.group()))


def _from_base64(text: str) -> bytes:
    text = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text[: len(text) - (len(text) % 4 == 1)] + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return b""


def _readable(raw: bytes) -> Iterator[str]:
    """What a person could read, letters and blanks, most of it; or what is encoded once more."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return
    letters = sum(one.isalpha() or one in " .,'" for one in text)
    if len(text) >= 12 and ((" " in text and letters >= 0.8 * len(text)) or _BASE64.fullmatch(text)):
        yield text


def _is_rotated(text: str) -> bool:
    """Many a common word once it is turned, and fewer as it stands."""
    words = _WORD.findall(text[:2000].lower())
    if len(words) < 4:
        return False
    turned = sum(map(_TURNED.__contains__, words))
    return turned >= 0.15 * len(words) and turned > sum(map(_COMMON.__contains__, words))
