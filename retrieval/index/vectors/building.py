"""Builds an index into a folder, from batches of ids and vectors. What was written before a stop is used again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from retrieval.contracts import Vectors
from retrieval.index.id_set import Ids
from retrieval.index.vectors.base import Base
from retrieval.index.vectors.errors import BuildStopped
from retrieval.index.vectors.halves import HalfVectors, HalfWriter
from retrieval.index.vectors.kinds import structure_of
from retrieval.index.vectors.machine import Machine
from retrieval.index.vectors.manifest import NAME, Manifest, file_sha256
from retrieval.index.vectors.memory import check_memory
from retrieval.index.vectors.recall import recall_of_stored
from retrieval.index.vectors.structure import Build, Progress, StructureKind

Batches = Callable[[], Iterable[tuple[Ids, Vectors]]]
VECTORS, IDS, STRUCTURE = "vectors.faiss", "ids.npy", "structure.faiss"
_TARGET = 0.98  # recall on own vectors; questions lie farther from passages than passages from one another
_MARGIN = 2  # so the effort that reaches it is doubled


def build_index(
    kind: str,
    folder: Path,
    dimension: int,
    batches: Batches,
    *,
    threads: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> Manifest:
    """Ids must be distinct. Raises BuildStopped, IndexTooLarge, IndexKindMissing."""

    def step(phase: str, done: float) -> None:
        if stop is not None and stop.is_set():
            raise BuildStopped
        if progress is not None:
            progress(phase, done)

    begun = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NAME).unlink(missing_ok=True)
    if not (folder / IDS).exists():  # written last
        _write_vectors(folder, dimension, batches, step)
    vectors, ids = HalfVectors.mapped(folder / VECTORS), np.load(folder / IDS, mmap_mode="r")
    check_memory(kind, len(vectors), dimension, Machine.here(), "build")
    effort, recall = _build_structure(kind, folder, vectors, Build(vectors, threads, seed, step))
    names = [name for name in (VECTORS, IDS, STRUCTURE) if (folder / name).exists()]
    manifest = Manifest(
        kind=str(kind),
        dimension=dimension,
        count=len(ids),
        effort=effort,
        recall=round(recall, 4),
        seconds=round(time.monotonic() - begun, 1),
        sizes={name: (folder / name).stat().st_size for name in names},
        sha256={name: file_sha256(folder / name) for name in names},
    )
    manifest.write(folder)
    return manifest


def _write_vectors(folder: Path, dimension: int, batches: Batches, step: Progress) -> None:
    writer = HalfWriter(folder / VECTORS, dimension)
    parts: list[Ids] = []
    try:
        for ids, vectors in batches():
            writer.add(vectors)
            parts.append(np.array(ids, dtype=np.int64))
            step("writing vectors", 0.0)
        ids = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
        ordered = np.sort(ids)
        if np.any(ordered[1:] == ordered[:-1]):
            raise ValueError("an id comes twice")
        writer.close()
    except BaseException:
        writer.discard()
        raise
    part = folder / "ids.part.npy"
    np.save(part, ids)
    part.replace(folder / IDS)


def _build_structure(kind: str, folder: Path, vectors: HalfVectors, build: Build) -> tuple[int, float]:
    path = folder / STRUCTURE
    path.unlink(missing_ok=True)
    maker = structure_of(kind)
    if maker is None or not len(vectors):
        return 0, 1.0
    structure = maker.build(build)
    part = path.with_suffix(".part")
    maker.save(structure, part)
    if part.exists():
        part.replace(path)
    if not maker.most_effort:
        return structure.effort, 1.0
    return _tuned(maker, path, vectors, build)


def _tuned(maker: StructureKind, path: Path, vectors: HalfVectors, build: Build) -> tuple[int, float]:
    """The smallest effort, in doublings, that finds what exact search finds, with a margin."""
    effort, recall = maker.first_effort, 0.0
    while True:
        structure = maker.load(path, effort, vectors)
        manifest = Manifest("", vectors.dimension, len(vectors))
        base = Base(manifest, np.arange(len(vectors), dtype=np.int64), vectors, structure)
        recall = recall_of_stored(base, vectors, seed=build.seed)
        build.step("measuring recall", min(effort / maker.most_effort, 1.0))
        if recall >= _TARGET or effort >= maker.most_effort:
            return min(effort * _MARGIN, maker.most_effort), recall
        effort *= 2
