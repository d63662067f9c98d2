"""The kinds of index, what each needs, and which one suits a number of vectors on a machine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from retrieval.index.vectors.errors import IndexKindMissing
from retrieval.index.vectors.machine import Machine
from retrieval.index.vectors.memory import plan_memory

if TYPE_CHECKING:
    from retrieval.index.vectors.structure import StructureKind

# 5 to 14 ms a search of 384 components, exact, every filter with full recall, nothing to build.
FLAT_COMPONENTS = 100_000_000
_WORTH_A_GPU = 1_000_000


class Kind(StrEnum):
    FLAT = "flat"
    HNSW = "hnsw"
    IVF = "ivf"
    GPU_FLAT = "gpu_flat"
    GPU_IVF_PQ = "gpu_ivf_pq"
    GPU_CAGRA = "gpu_cagra"
    MILVUS = "milvus"


@dataclass(frozen=True, slots=True)
class Choice:
    kind: Kind
    reason: str


def structure_of(kind: str) -> StructureKind | None:
    """None: exact search over the vectors themselves. Imports only what the kind needs."""
    if kind == Kind.FLAT:
        return None
    if kind == Kind.IVF:
        from retrieval.index.vectors.lists import FIRST_EFFORT, Lists
        from retrieval.index.vectors.structure import StructureKind

        return StructureKind(Lists.build, Lists.load, Lists.save, FIRST_EFFORT, 1024)
    if kind == Kind.HNSW:
        from retrieval.index.vectors.graph import FIRST_EFFORT, Graph
        from retrieval.index.vectors.structure import StructureKind

        return StructureKind(Graph.build, Graph.load, Graph.save, FIRST_EFFORT, 1024)
    if kind in (Kind.GPU_FLAT, Kind.GPU_IVF_PQ, Kind.GPU_CAGRA):
        from retrieval.index.vectors.gpu import structure_kind

        return structure_kind(kind)
    raise IndexKindMissing(f"There is no index kind {kind!r} that is built from files.")


def choose_kind(count: int, dimension: int, machine: Machine) -> Choice:
    """What `auto` means. The reason is for the person who looks at the version."""
    if count * dimension <= FLAT_COMPONENTS:
        return Choice(Kind.FLAT, f"{count:,} vectors are searched exactly in a few milliseconds.")
    if count >= _WORTH_A_GPU and machine.gpu_free:
        for kind in (Kind.GPU_CAGRA,) * machine.has_cagra + (Kind.GPU_FLAT, Kind.GPU_IVF_PQ):
            if (plan := plan_memory(kind, count, dimension)).device_build <= machine.gpu_free:
                wanted, free = plan.device_build / 1e9, machine.gpu_free / 1e9
                return Choice(kind, f"{count:,} vectors need {wanted:.1f} GB of {free:.0f} GB on the GPU.")
    need = plan_memory(Kind.IVF, count, dimension)
    if max(need.build, need.serve) <= machine.memory_free:
        return Choice(
            Kind.IVF,
            f"{count:,} vectors are too many for exact search; lists need {need.serve / 1e9:.1f} GB"
            f" of {machine.memory_free / 1e9:.0f} GB and keep full recall under permissions.",
        )
    return Choice(
        Kind.MILVUS,
        f"{count:,} vectors need {max(need.build, need.serve) / 1e9:.0f} GB and {machine.memory_free / 1e9:.0f} GB are"
        " free: more than this machine can serve.",
    )


def resolve(wanted: str, count: int, dimension: int, machine: Machine) -> Choice:
    """`wanted` as set, or the choice that `auto` stands for."""
    if wanted == "auto":
        return choose_kind(count, dimension, machine)
    try:
        return Choice(Kind(wanted), "It is set so.")
    except ValueError:
        raise IndexKindMissing(
            f"There is no index kind {wanted!r}.", advice=f"Choose one of auto, {', '.join(Kind)}."
        ) from None


def check_asked(wanted: str, *, milvus: bool) -> None:
    """Before anything is built: whether this is a kind, and one that is configured. Raises IndexKindMissing."""
    if resolve(wanted or "auto", 0, 1, Machine(0, 1)).kind == Kind.MILVUS and not milvus:
        raise IndexKindMissing("No Milvus server is configured.", advice="Set RETRIEVAL_MILVUS_URL.")
