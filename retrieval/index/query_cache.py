"""Vectors of questions that were embedded before: the same words are asked again and again."""

from __future__ import annotations

import hashlib
import unicodedata
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence

import numpy as np
import numpy.typing as npt
from prometheus_client import Counter, Gauge

from retrieval.contracts import Vectors

_BYTES = 64_000_000
_BYTES_BESIDE = 300  # of an entry beside its numbers: the key, two objects and their places
_CHARACTERS = 2000  # what is longer is a text rather than a question

LOOKED_UP = Counter(
    "footnote_query_cache_total", "Questions to be embedded: hit, miss, or past (not looked up)", ["result"]
)
ENTRIES = Gauge("footnote_query_cache_entries", "Questions whose vectors are kept")
BYTES = Gauge("footnote_query_cache_bytes", "What they take")


class QueryCache:
    """The least recently asked goes first. Bounded in entries and bytes; 0 entries: off. For one event loop.

    Keys are hashes of model and text: what people ask is not kept.
    """

    def __init__(self, model: str, *, entries: int, most_bytes: int = _BYTES) -> None:
        self.model, self.entries, self.most_bytes = model, entries, most_bytes
        self.bytes = 0
        self._kept: OrderedDict[bytes, npt.NDArray[np.float32]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    async def vectors(self, texts: Sequence[str], embed: Callable[[list[str]], Awaitable[Vectors]]) -> Vectors:
        """One row for each text, as `embed` makes them of what is not known; each of those is embedded once."""
        if not texts:
            return await embed([])
        texts = [normalised(text) for text in texts]
        looked_up = {text: self._look_up(text) for text in texts}
        known = {text: vector for text, vector in looked_up.items() if vector is not None}
        missing = [text for text in looked_up if text not in known]
        if missing:
            for text, vector in zip(missing, await embed(missing), strict=True):
                known[text] = vector
                self._keep(text, vector)
        return np.stack([known[text] for text in texts])

    def _look_up(self, text: str) -> npt.NDArray[np.float32] | None:
        if not self._takes(text):
            LOOKED_UP.labels("past").inc()
            return None
        vector = self._kept.get(key := self._key(text))
        LOOKED_UP.labels("miss" if vector is None else "hit").inc()
        if vector is not None:
            self._kept.move_to_end(key)
        return vector

    def _keep(self, text: str, vector: npt.NDArray[np.float32]) -> None:
        if not self._takes(text):
            return
        key = self._key(text)
        if key not in self._kept:  # another request may have been as quick
            self._kept[key] = vector.copy()  # of its own: a row would keep its whole batch in memory
            self.bytes += _size(vector)
        while len(self._kept) > self.entries or self.bytes > self.most_bytes:
            self.bytes -= _size(self._kept.popitem(last=False)[1])
        ENTRIES.set(len(self._kept))
        BYTES.set(self.bytes)

    def _takes(self, text: str) -> bool:
        return self.entries > 0 and len(text) <= _CHARACTERS

    def _key(self, text: str) -> bytes:
        return hashlib.sha256(f"{self.model}\n{text}".encode()).digest()


def normalised(text: str) -> str:
    """Two spellings of one question; capitals are left to the model, since to some they matter."""
    return unicodedata.normalize("NFC", text).strip()


def _size(vector: npt.NDArray[np.float32]) -> int:
    return vector.nbytes + _BYTES_BESIDE
