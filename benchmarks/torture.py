"""Hostile and broken files through a real worker: each has to end, and the worker's memory has to stay within bounds.

    python -m benchmarks.torture [--data FOLDER] [--most-memory-mb 1500] [--json]

Starts a Footnote of its own in a temporary folder, hands in every file with `manage.py ingest`, and samples the memory
of the worker with all of its parsers meanwhile. Exit 1 when a file hangs or the memory passes the bound.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.running import MANAGE, Memory, Running, running

DATA = Path("../shared/data/extraction-torture")
WORKER = "worker, parsers included"
ENDED = ("ready", "failed", "duplicate")
SAMPLE_S = 0.1
SLOWEST = 8


class Sampler(threading.Thread):
    """The most that the worker's processes took at once."""

    def __init__(self, footnote: Running) -> None:
        super().__init__(daemon=True)
        self.footnote, self.done = footnote, threading.Event()
        self.peak = Memory()

    def run(self) -> None:
        while not self.done.wait(SAMPLE_S):
            now = self.footnote.memory(WORKER).get(WORKER, Memory())
            self.peak = Memory(max(self.peak.pss, now.pss), max(self.peak.rss, now.rss))


def ingest(footnote: Running, folder: Path, limit_s: float) -> tuple[list[dict[str, Any]], Memory]:
    """-> the report of every file, and the peak. SystemExit when the command did not come back."""
    sampler = Sampler(footnote)
    sampler.start()
    command = [*MANAGE, "ingest", str(folder), "--collection", "torture", "--patience", "150", "--json"]
    try:
        done = subprocess.run(command, env=footnote.environment, stdout=subprocess.PIPE, text=True, timeout=limit_s)
    except subprocess.TimeoutExpired:
        raise SystemExit(f"The files had not all ended after {limit_s:.0f} s.") from None
    finally:
        sampler.done.set()
        sampler.join()
    return json.loads(done.stdout)["documents"], sampler.peak


def show(documents: list[dict[str, Any]], seconds: float, peak: Memory) -> None:
    outcomes = Counter(one["status"] for one in documents)
    print(f"{len(documents)} files in {seconds:.0f} s: " + ", ".join(f"{n} {s}" for s, n in outcomes.most_common()))
    print(f"worker with its parsers, peak: {peak.pss / 1e6:.0f} MB PSS, {peak.rss / 1e6:.0f} MB RSS\n")
    reasons = Counter(one["error"] for one in documents if one["status"] == "failed")
    for reason, number in reasons.most_common():
        print(f"{number:4} x {reason}")
    print("\nslowest:")
    for one in sorted(documents, key=lambda each: -(each["seconds"] or 0))[:SLOWEST]:
        print(f"{one['seconds'] or 0:7.2f} s  {one['status']:9} {one['document']}")


def verdict(documents: list[dict[str, Any]], files: int, peak: Memory, most: int) -> list[str]:
    faults = [f"{one['document']} did not end: {one['status']}" for one in documents if one["status"] not in ENDED]
    faults += [f"{one['document']} failed without a reason" for one in documents if _silent(one)]
    if len(documents) != files:
        faults.append(f"{files} files were given, {len(documents)} are in the report")
    if peak.pss > most:
        faults.append(f"The worker took {peak.pss / 1e6:.0f} MB, more than {most / 1e6:.0f} MB")
    return faults


def _silent(one: dict[str, Any]) -> bool:
    return one["status"] == "failed" and not one["error"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of files, searched as deep as it goes")
    parser.add_argument("--most-memory-mb", type=int, default=1500)
    parser.add_argument("--limit-s", type=float, default=1800, help="for all files together")
    parser.add_argument("--json", action="store_true", help="print the report of each file on standard output too")
    arguments = parser.parse_args()
    files = sum(path.is_file() for path in arguments.data.rglob("*"))
    with tempfile.TemporaryDirectory(prefix="footnote-torture-") as scratch:
        Path(scratch).chmod(0o755)  # the embedded database has an account of its own
        with running(Path(scratch) / "var") as footnote:
            begun = time.monotonic()
            documents, peak = ingest(footnote, arguments.data, arguments.limit_s)
            seconds = time.monotonic() - begun
    show(documents, seconds, peak)
    if arguments.json:
        print(json.dumps(documents, ensure_ascii=False))
    if faults := verdict(documents, files, peak, arguments.most_memory_mb * 1_000_000):
        raise SystemExit("\n".join(faults))


if __name__ == "__main__":
    main()
