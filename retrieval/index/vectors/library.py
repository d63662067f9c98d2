"""The only module that imports faiss. Its modules beside this one take it from here, nobody else does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

__all__ = ["INNER_PRODUCT", "Bits", "faiss", "only", "selector", "threads"]

Bits = npt.NDArray[np.uint8]  # one bit a row, the lowest first
INNER_PRODUCT = faiss.METRIC_INNER_PRODUCT
_untyped: Any = faiss  # its stubs know the C++ arguments alone
_of_this_thread = threading.local()


@contextmanager
def threads(count: int) -> Iterator[None]:
    """OpenMP threads of what runs inside. OpenMP counts them for each thread of the process by itself, so setting them
    once at import leaves every other thread with all cores, and a search of 5 ms takes 19 ms on a busy machine."""
    before = getattr(_of_this_thread, "count", 0)
    if before != count:
        faiss.omp_set_num_threads(count)
        _of_this_thread.count = count
    try:
        yield
    finally:
        if before not in (0, count):
            faiss.omp_set_num_threads(before)
            _of_this_thread.count = before


def only(bits: Bits | None) -> Any:
    """Search parameters that keep to these rows."""
    return None if bits is None else _untyped.SearchParameters(sel=selector(bits))


def selector(bits: Bits) -> Any:
    return _untyped.IDSelectorBitmap(bits)
