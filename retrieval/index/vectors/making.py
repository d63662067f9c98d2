"""An index of a kind for a caller who does not care which: new, or from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from retrieval.contracts import Candidate, Vectors
from retrieval.index.id_set import Ids, IdSet
from retrieval.index.vectors.base import load_base
from retrieval.index.vectors.composite import Composite
from retrieval.index.vectors.errors import IndexFilesDamaged, IndexKindMissing
from retrieval.index.vectors.kinds import Kind
from retrieval.index.vectors.machine import Machine
from retrieval.index.vectors.manifest import NAME, Manifest
from retrieval.index.vectors.memory import check_memory


class MutableIndex(Protocol):
    """VectorIndex, and exact search to check it against."""

    dimension: int

    def filled(self) -> None: ...
    def add(self, ids: Ids, vectors: Vectors) -> None: ...
    def remove(self, ids: Ids) -> None: ...
    def search(self, query: Vectors, k: int, allowed: IdSet | None) -> list[Candidate]: ...
    def exact(self, query: Vectors, k: int, allowed: IdSet | None) -> list[Candidate]: ...
    def __len__(self) -> int: ...


def make_index(
    kind: str,
    dimension: int,
    *,
    folder: Path | None = None,
    milvus_url: str = "",
    milvus_token: str = "",
    name: str = "index",
    machine: Machine | None = None,
    confirmed: bool = True,
) -> MutableIndex:
    """With a `folder` that `build_index` wrote: what it holds, mapped, and ready for changes. Otherwise an empty one,
    exact until it is merged; of kind milvus, the collection called `name` on that server. Not `confirmed`: what is
    there already is found only when it was added again, which costs a comparison.

    Raises IndexTooLarge before anything is loaded, IndexKindMissing, IndexFilesDamaged, VectorStoreUnavailable.
    """
    if kind == Kind.MILVUS:
        return _on_milvus(milvus_url, milvus_token, name, dimension)
    if folder is None or not (folder / NAME).exists():
        return Composite(dimension)
    manifest = Manifest.read(folder)
    check_memory(manifest.kind, manifest.count, manifest.dimension, machine or Machine.here(), "serve")
    if manifest.dimension != dimension:
        raise IndexFilesDamaged(f"The index in {folder.name} has {manifest.dimension} components, not {dimension}.")
    return Composite(dimension, load_base(folder, live=confirmed))


def _on_milvus(url: str, token: str, name: str, dimension: int) -> MutableIndex:
    try:
        from retrieval.index.vectors.milvus import MilvusIndex, MilvusSettings
    except ImportError:
        raise IndexKindMissing(
            "The Milvus client is not installed.", advice="Install the extra: pip install '.[milvus]'."
        ) from None
    return MilvusIndex(MilvusSettings(url, token), name, dimension)
