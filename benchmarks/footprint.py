"""What Footnote takes of a machine: disk, memory of each process, seconds until it is ready.

    python -m benchmarks.footprint [--data FOLDER] [--var FOLDER]

Starts a Footnote of its own in a temporary folder, on a free port; leaves nothing behind.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import subprocess
import tempfile
import time
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks.running import MANAGE, Memory, Running

DATA = Path("../shared/data/rag-multi-corpus")
QUESTION = "How many days of leave does the handbook give?"
SETTLED_S = 80  # parsing processes that nobody needs end after a minute
INGEST_LIMIT_S = 1800

# Open WebUI 0.12.4 from PyPI with torch 2.13.0 (CPU), SQLite and Chroma, one process, the same embedder, on a machine
# of the same size (2 cores). Measured separately, once.
PEER_DISK_GB = 2.9
PEER_PACKAGES = 245
PEER_FIRST_READY_S = 13.0
PEER_IDLE_GB = 0.84
PEER_AFTER_GB = 2.0  # after the same 236 documents
PEER_FILES_PER_S = 2.3


def installed(extra: str = "cpu") -> tuple[int, int]:
    """-> packages and bytes of what `pip install .[cpu]` brings, tools for development left out."""
    wanted, seen, size = [("footnote", frozenset({"", extra}))], set(), 0
    while wanted:
        name, extras = wanted.pop()
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform or Python
        if (key := (canonicalize_name(name), extras)) in seen:
            continue
        if not any(known == key[0] for known, _ in seen):
            size += sum(_size(Path(str(distribution.locate_file(file)))) for file in distribution.files or [])
        seen.add(key)
        for text in distribution.requires or []:
            needed = Requirement(text)
            if needed.marker is None or any(needed.marker.evaluate({"extra": one}) for one in extras):
                wanted.append((needed.name, frozenset({"", *needed.extras})))
    return len({name for name, _ in seen}) - 1, size


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def measure(var: Path, documents: list[Path]) -> None:
    footnote = Running(var)
    footnote.start()
    first_ready = footnote.ready_s
    try:
        time.sleep(SETTLED_S)
        idle = footnote.memory()
        begun = time.monotonic()
        report = footnote.ingest(documents, "footprint", INGEST_LIMIT_S)
        rate = len(report) / (time.monotonic() - begun)
        answered = [*MANAGE, "ask", QUESTION, "--json"]
        subprocess.run(answered, env=footnote.environment, stdout=subprocess.DEVNULL, check=True, timeout=120)
        time.sleep(SETTLED_S)
        after = footnote.memory()
    finally:
        stopped = footnote.stop()
    footnote.start()
    second_ready = footnote.ready_s
    footnote.stop()
    ready = sum(one["status"] in ("ready", "duplicate") for one in report)
    show_memory(idle, after, len(report))
    show_figures(idle, after, first_ready, second_ready, rate)
    passages = sum(one["passages"] for one in report)
    print(f"\n{ready} of {len(report)} documents ready, {passages} passages. Stopping took {stopped:.1f} s.")


def show_memory(idle: dict[str, Memory], after: dict[str, Memory], documents: int) -> None:
    print(
        f"\n| process, memory in MB | idle PSS | RSS | after {documents} documents PSS | RSS |\n|---|---|---|---|---|"
    )
    for name in sorted(idle, key=lambda one: -idle[one].pss):
        row = [idle[name], after.get(name, Memory())]
        print(f"| {name} | " + " | ".join(f"{one.pss / 1e6:.0f} | {one.rss / 1e6:.0f}" for one in row) + " |")


def show_figures(idle: dict[str, Memory], after: dict[str, Memory], first: float, second: float, rate: float) -> None:
    packages, size = installed()
    total = [sum(each.values(), Memory()) for each in (idle, after)]
    rows = [
        ("installed, GB", f"{size / 1e9:.2f}", f"{PEER_DISK_GB}"),
        ("packages", str(packages), str(PEER_PACKAGES)),
        ("first start to ready, s (database and sample made)", f"{first:.1f}", f"{PEER_FIRST_READY_S:.0f}"),
        ("second start to ready, s", f"{second:.1f}", "-"),
        ("memory idle, all processes, GB (PSS)", f"{total[0].pss / 1e9:.2f}", f"{PEER_IDLE_GB}"),
        ("memory after the documents, GB (PSS)", f"{total[1].pss / 1e9:.2f}", f"{PEER_AFTER_GB}"),
        ("files ingested a second", f"{rate:.1f}", f"{PEER_FILES_PER_S}"),
    ]
    print("\n| what | Footnote | Open WebUI 0.12.4, measured separately |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder with docs/ and mixed.txt, a list of them")
    parser.add_argument("--var", type=Path, help="an empty folder to run in (default: a temporary one)")
    arguments = parser.parse_args()
    names = (arguments.data / "mixed.txt").read_text().splitlines()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}", flush=True)
    with tempfile.TemporaryDirectory(prefix="footnote-footprint-") as scratch:
        Path(scratch).chmod(0o755)  # the embedded database has an account of its own
        measure((arguments.var or Path(scratch) / "var").resolve(), [arguments.data / "docs" / name for name in names])


if __name__ == "__main__":
    main()
