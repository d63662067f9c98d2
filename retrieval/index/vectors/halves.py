"""Vectors as they are stored, float16: in memory or mapped from a file, searched exactly, read back by row."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from retrieval.contracts import Vectors
from retrieval.index.vectors.errors import IndexFilesDamaged
from retrieval.index.vectors.library import INNER_PRODUCT, Bits, faiss, only, threads

Rows = npt.NDArray[np.int64]
_COUNT_AT = slice(8, 16)  # of the file's header: after its kind and dimension; the last 8 bytes are the codes' size


def _empty(dimension: int) -> Any:
    return faiss.IndexScalarQuantizer(dimension, faiss.ScalarQuantizer.QT_fp16, INNER_PRODUCT)


class HalfVectors:
    """Rows in the order in which they were added. Searches may run at once; adding needs the owner's lock."""

    def __init__(self, index: Any) -> None:
        self._index = index
        self.dimension = int(index.d)

    @classmethod
    def empty(cls, dimension: int) -> HalfVectors:
        return cls(_empty(dimension))

    @classmethod
    def mapped(cls, path: Path) -> HalfVectors:
        try:
            return cls(faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC))
        except RuntimeError as error:
            raise IndexFilesDamaged(detail=f"{path}: {error}") from None

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, vectors: Vectors) -> None:
        with threads(1):
            self._index.add(np.ascontiguousarray(vectors, dtype=np.float32))

    def nearest(self, query: Vectors, k: int, bits: Bits | None) -> tuple[Vectors, Rows]:
        """Exact: scores and rows, best first, only rows whose bit is set."""
        k = min(k, len(self))
        if not k:
            return np.zeros(0, np.float32), np.zeros(0, np.int64)
        with threads(1):
            scores, rows = self._index.search(query[None, :], k, params=only(bits))
        found = rows[0] >= 0
        return scores[0][found], rows[0][found]

    def scores(self, query: Vectors, rows: Rows) -> Vectors:
        return np.asarray(self.read(rows) @ query, dtype=np.float32)

    def read(self, rows: Rows) -> Vectors:
        """-> (len(rows), dimension) float32"""
        if not len(rows):
            return np.zeros((0, self.dimension), np.float32)
        with threads(1):
            return np.asarray(self._index.reconstruct_batch(np.ascontiguousarray(rows, dtype=np.int64)))

    def compacted(self, rows: Rows, *, step: int = 16_384) -> HalfVectors:
        """These rows alone, in this order, in memory."""
        made = HalfVectors.empty(self.dimension)
        for at in range(0, len(rows), step):
            made.add(self.read(rows[at : at + step]))
        return made


class HalfWriter:
    """Writes the file that `HalfVectors.mapped` reads, batch after batch: none of it stays in memory.

    faiss itself would hold everything before it writes; its header is taken from an index without rows, and the two
    numbers in it that depend on the rows are set at the end.
    """

    def __init__(self, path: Path, dimension: int) -> None:
        self._path, self._part, self.dimension = path, path.with_suffix(".part"), dimension
        self.count = 0
        self._file: BinaryIO = self._part.open("wb")
        self._header = bytes(faiss.serialize_index(_empty(dimension)))
        self._file.write(self._header)

    def add(self, vectors: Vectors) -> None:
        if vectors.ndim != 2 or vectors.shape[1] != self.dimension:
            raise ValueError(f"expected vectors of dimension {self.dimension}, got {vectors.shape}")
        self._file.write(np.ascontiguousarray(vectors, dtype="<f2").tobytes())
        self.count += len(vectors)

    def close(self) -> None:
        header = bytearray(self._header)
        header[_COUNT_AT] = struct.pack("<q", self.count)
        header[-8:] = struct.pack("<Q", self.count * self.dimension * 2)
        self._file.seek(0)
        self._file.write(header)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self._path)

    def discard(self) -> None:
        self._file.close()
        self._part.unlink(missing_ok=True)
