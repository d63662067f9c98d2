"""Ten million vectors on a GPU: questions a second of each kind beside what the bandwidth of its memory allows."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from benchmarks.vector_index.population import DIMENSION, Population
from benchmarks.vector_index.truth import Case, cached_scores
from retrieval.contracts import Vectors
from retrieval.index.vectors.base import load_base
from retrieval.index.vectors.building import IDS, VECTORS, build_index
from retrieval.index.vectors.gpu import GpuStructure, device_count, has_cagra
from retrieval.index.vectors.machine import Machine
from retrieval.index.vectors.manifest import NAME

COUNT = 10_000_000
BATCHES = (1, 64)


def measure(cache: Path) -> None:
    if not device_count():
        print("no GPU that faiss can use: its kinds are not measured")
        return
    folder, population = cache / str(COUNT), Population(COUNT)
    questions = population.questions(256)
    bandwidth = _bandwidth()
    print(f"GPU: copies {bandwidth / 1e9:,.0f} GB/s; kind, batch, recall@10, questions/s, share of the limit")
    for kind in ("gpu_flat", "gpu_ivf_pq", *(("gpu_cagra",) if has_cagra() else ())):
        target = folder / kind
        if not (target / NAME).exists():
            target.mkdir(parents=True, exist_ok=True)
            other = next(folder.glob(f"*/{IDS}"), None)
            for name in (VECTORS, IDS) if other else ():
                (target / name).hardlink_to(other.parent / name)  # type: ignore[union-attr]
            build_index(kind, target, DIMENSION, population.blocks, threads=Machine.here().cores)
        _kind(kind, target, folder, questions, bandwidth)


def _kind(kind: str, target: Path, folder: Path, questions: Vectors, bandwidth: float) -> None:
    base = load_base(target)
    structure = base.structure
    assert isinstance(structure, GpuStructure)
    best = cached_scores(folder / "truth-gpu.npz", base.vectors, questions, [Case("all", None)], 10)["all"]
    found = [base.search(question, 10, None) for question in questions]
    share = float(
        np.mean([sum(one.score >= row[-1] - 1e-4 for one in ten) / 10 for ten, row in zip(found, best, strict=True)])
    )
    for batch in BATCHES:
        rounds = max(512 // batch, 8)
        structure.batch(questions[:batch], 10)
        begun = time.perf_counter()
        for at in range(rounds):
            first = at * batch % (len(questions) - batch + 1)
            structure.batch(np.ascontiguousarray(questions[first : first + batch]), 10)
        rate = rounds * batch / (time.perf_counter() - begun)
        limit = bandwidth / _bytes_read(kind, structure.effort) * batch  # one pass over what is read serves the batch
        print(f"{kind:11} {batch:4} {share:8.3f} {rate:12,.0f} {rate / limit:8.0%}", flush=True)


def _bytes_read(kind: str, effort: int) -> float:
    """Of the GPU's memory by one search."""
    from retrieval.index.vectors.gpu import code_bytes
    from retrieval.index.vectors.memory import list_count

    if kind == "gpu_flat":
        return 2.0 * DIMENSION * COUNT
    if kind == "gpu_ivf_pq":
        lists = list_count(COUNT)
        return 4.0 * DIMENSION * lists + effort / lists * COUNT * (code_bytes(DIMENSION) + 8)
    return effort * 64 * (4.0 * DIMENSION + 4)  # neighbours of the candidates that it visits


def _bandwidth() -> float:
    """Bytes a second that a large copy within the GPU reads: torch is there wherever the embedder is."""
    import torch

    source = torch.empty(1 << 30, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    target.copy_(source)
    torch.cuda.synchronize()
    begun = time.perf_counter()
    for _ in range(20):
        target.copy_(source)
    torch.cuda.synchronize()
    return 2 * 20 * source.numel() / (time.perf_counter() - begun)
