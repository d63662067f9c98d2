"""What was found in texts before: the same passages are read to models again and again, and a history with each turn.

Filters are pure, so what they found in a text holds as long as they look for the same. Kept are places and kinds, by a
hash of the text: no text.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

from chatapp.safety.contracts import Filter
from chatapp.safety.spans import Span
from chatapp.safety.stream import found

_MOST, _MOST_SPANS = 8192, 32  # texts, and spans of one: some 3 MB where nothing is found, 30 MB at most
_kept: OrderedDict[bytes, tuple[Span, ...]] = OrderedDict()


def spans_in(text: str, filters: Sequence[Filter], looking_for: bytes) -> Sequence[Span]:
    """`looking_for`: the same for filters that find the same; empty: nothing is kept."""
    if not looking_for or not text:
        return found(filters, text)
    key = hashlib.sha256(looking_for + text.encode("utf-8", "surrogatepass")).digest()
    known = _kept.get(key)
    if known is not None:
        _touch(key)
        return known
    spans = found(filters, text)
    if len(spans) <= _MOST_SPANS:
        _kept[key] = tuple(spans)
        while len(_kept) > _MOST:
            _pop_oldest()
    return spans


def _touch(key: bytes) -> None:
    try:
        _kept.move_to_end(key)
    except KeyError:  # another thread was faster
        return


def _pop_oldest() -> None:
    try:
        _kept.popitem(last=False)
    except KeyError:
        return
