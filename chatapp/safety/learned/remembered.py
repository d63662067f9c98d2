"""What texts were taken for before: the same passages are read to models again and again, and questions twice."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Collection

_MOST = 4096


class Remembered:
    """The oldest goes first. Keys are hashes: what people ask is not kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, frozenset[str]] = OrderedDict()

    def get(self, how: str, text: str, kinds: Collection[str]) -> frozenset[str] | None:
        return self._kept.get(_key(how, text, kinds))

    def keep(self, how: str, text: str, kinds: Collection[str], found: frozenset[str]) -> frozenset[str]:
        self._kept[_key(how, text, kinds)] = found
        while len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return found


def _key(how: str, text: str, kinds: Collection[str]) -> bytes:
    return hashlib.sha256(f"{how} {','.join(sorted(kinds))}\n{text}".encode("utf-8", "replace")).digest()
