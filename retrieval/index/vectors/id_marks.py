"""A set of ids that changes, one bit for each: ids of passages are small and lie close together."""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

from retrieval.index.id_set import Ids

_MOST = 8_000_000_000  # 1 GB


class IdMarks:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bits = np.zeros(1024, dtype=np.uint8)
        self.count = 0

    def set(self, ids: Ids, marked: bool) -> None:
        ids = np.unique(ids)
        if not len(ids):
            return
        if int(ids[0]) < 0 or int(ids[-1]) >= _MOST:
            raise ValueError("ids are positive and below 8,000,000,000")
        with self._lock:
            self._grow(int(ids[-1]))
            changed = ids[self.has(ids) != marked]
            bit = np.left_shift(1, changed & 7).astype(np.uint8)
            if marked:
                np.bitwise_or.at(self._bits, changed >> 3, bit)
            else:
                np.bitwise_and.at(self._bits, changed >> 3, ~bit)
            self.count += len(changed) if marked else -len(changed)

    def _grow(self, largest: int) -> None:
        if largest >> 3 >= len(self._bits):
            bits = np.zeros(max((largest >> 3) + 1, 2 * len(self._bits)), dtype=np.uint8)
            bits[: len(self._bits)] = self._bits
            self._bits = bits

    def has(self, ids: Ids) -> npt.NDArray[np.bool_]:
        bits = self._bits
        inside = (ids >= 0) & (ids >> 3 < len(bits))
        places = np.where(inside, ids, 0)
        return inside & ((bits[places >> 3] >> (places & 7).astype(np.uint8)) & 1).astype(np.bool_)
