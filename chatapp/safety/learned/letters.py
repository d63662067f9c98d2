"""Features of a text from its letters alone: which runs of two to six characters it has, hashed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Whole: TypeAlias = "npt.NDArray[np.int64]"
Numbers: TypeAlias = "npt.NDArray[np.float32]"

_BITS = 15
BUCKETS = 1 << _BITS
_LONGEST = 6
_FACTOR, _MIX = np.uint32(0x01000193), np.uint32(0x9E3779B1)
_BLANKS = re.compile(r"\s+")


def folded(text: str) -> str:
    """Case and blanks say nothing."""
    return f" {_BLANKS.sub(' ', text).strip().lower()} "


def _runs(text: str) -> Iterator[Whole]:
    """The bucket of each run of two characters, then of three, and so on."""
    codes = np.frombuffer(text.encode("utf-32-le", "replace"), dtype="<u4").astype(np.uint32)
    hashed = codes
    for length in range(2, min(_LONGEST, len(codes)) + 1):
        hashed = (hashed[:-1] * _FACTOR) ^ codes[length - 1 :]
        yield (((hashed + np.uint32(length)) * _MIX) >> np.uint32(32 - _BITS)).astype(np.int64)


def features(text: str) -> tuple[Whole, Numbers]:
    """-> buckets in order, and how much each counts: the same, however often it occurs."""
    found = np.unique(np.concatenate(list(_runs(folded(text)))))
    return found, np.full(len(found), 1 / np.sqrt(len(found)), np.float32)


def strengths(texts: Sequence[str], weights: Sequence[Numbers]) -> Numbers:
    """-> for each text and each of the `weights`, their product with the features of the text. All in one pass."""
    if not texts:
        return np.zeros((0, len(weights)), np.float32)
    whole = [folded(text) for text in texts]
    lengths = np.array([len(one) for one in whole])
    of, ends = np.repeat(np.arange(len(whole)), lengths), np.repeat(np.cumsum(lengths), lengths)
    keys = []
    for length, runs in enumerate(_runs("".join(whole)), start=2):
        inside = np.arange(length, len(runs) + length) <= ends[: len(runs)]
        keys.append((of[: len(runs)] * BUCKETS + runs)[inside])
    each = np.sort(np.concatenate(keys))
    each = each[np.concatenate(([True], each[1:] != each[:-1]))]  # np.unique hashes, which takes five times as long
    whose, found = each >> _BITS, each & (BUCKETS - 1)
    size = np.sqrt(np.bincount(whose, minlength=len(whole)))
    sums = [np.bincount(whose, weights=some[found], minlength=len(whole)) / size for some in weights]
    return np.stack(sums, axis=1).astype(np.float32)
