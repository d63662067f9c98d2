"""How many bytes an index takes, before anything is loaded or built."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from retrieval.index.vectors.errors import IndexTooLarge
from retrieval.index.vectors.machine import Machine

_PER_ROW = 8 + 4 + 2  # id, row by id, marks
_FIXED = 50_000_000  # buffers and the library
_GPU_FIXED = 1_500_000_000  # context and scratch space


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Bytes. `serve` is what searches touch all the time; of the rest of `disk` the system keeps what is free."""

    build: int
    serve: int
    disk: int
    device: int = 0
    device_build: int = 0


def plan_memory(kind: str, count: int, dimension: int) -> MemoryPlan:
    halves, rows = 2 * dimension * count, _PER_ROW * count + _FIXED
    if kind == "flat":
        return MemoryPlan(rows + _FIXED, halves + rows, halves + 8 * count)
    if kind == "ivf":
        lists, sample = _lists(count, dimension, dimension), 48 * list_count(count) * dimension * 4
        return MemoryPlan(rows + lists + 2 * sample, rows + lists + 4 * count, halves + 8 * count + lists)
    if kind == "hnsw":
        graph = count * (dimension + 48 * 4 + 28)
        return MemoryPlan(rows + graph + 150_000_000, rows + graph, halves + 8 * count + graph)
    if kind == "gpu_flat":
        device = halves + _GPU_FIXED
        return MemoryPlan(rows, rows, halves + 8 * count, device, device)
    if kind == "gpu_ivf_pq":
        lists = _lists(count, dimension, 96)
        device = lists + _GPU_FIXED
        return MemoryPlan(rows + lists, rows, halves + 8 * count + lists, device, 2 * lists + _GPU_FIXED)
    if kind == "gpu_cagra":
        graph = 4 * 64 * count
        device = 2 * halves + graph + _GPU_FIXED
        return MemoryPlan(
            rows + 2 * halves, rows + 2 * halves, halves + 8 * count + 2 * halves + graph, device, device + 2 * graph
        )
    return MemoryPlan(_FIXED, _FIXED, 0)  # served by another machine


def list_count(rows: int) -> int:
    """About 2 times the square root: a probe of 32 lists then looks at 3 % of a million rows."""
    return int(max(min(2 ** round(math.log2(2 * math.sqrt(max(rows, 1)))), 65_536, rows), 1))


def _lists(count: int, dimension: int, code_bytes: int) -> int:
    return count * (code_bytes + 8) + list_count(count) * dimension * 4


def check_memory(kind: str, count: int, dimension: int, machine: Machine, purpose: Literal["build", "serve"]) -> None:
    """Raises IndexTooLarge with what is missing."""
    plan = plan_memory(kind, count, dimension)
    need = plan.build if purpose == "build" else plan.serve
    device = plan.device_build if purpose == "build" else plan.device
    for what, wanted, free in (("memory", need, machine.memory_free), ("GPU memory", device, machine.gpu_free)):
        if wanted > free:
            raise IndexTooLarge(
                f"To {purpose} {count:,} vectors as {kind} takes {wanted / 1e9:.1f} GB of {what};"
                f" {free / 1e9:.1f} GB are free."
            )
