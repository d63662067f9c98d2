"""How many passages a second go through the whole path, beside what the embedder makes alone: `make bench-ingestion`.

    python -m benchmarks.ingestion [--data FOLDER] [--corpus mixed|markdown] [--files N]

Starts a Footnote of its own in a temporary folder. The whole path: files are received, parsed, cut, embedded, stored
and applied by the index service, until a search finds the last of them. Then, with that Footnote stopped, the same
embedder with the same threads embeds the same passages, all of them in one call. The rest of the processor time is
told by process.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from benchmarks.running import Running, families, name_of, running

_LIMIT_S = 3000
_TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--corpus", action="append", choices=["mixed", "markdown"])
    parser.add_argument("--files", type=int, default=0, help="so many of each corpus, evenly spread; 0: all")
    given = parser.parse_args()
    for corpus in given.corpus or ["mixed", "markdown"]:
        with tempfile.TemporaryDirectory(prefix="fn-bench-") as folder:
            measure(corpus, _spread(_files(corpus, given.data, Path(folder)), given.files), Path(folder))


def measure(corpus: str, files: list[Path], folder: Path) -> None:
    listed, passages = folder / "files", folder / "passages.jsonl"
    listed.write_text("".join(f"{corpus}\t{path.resolve()}\n" for path in files))
    with running(folder / "var") as footnote:
        before = _processor_s(footnote)
        command = [sys.executable, "-m", "benchmarks.ingestion.inside", str(listed), str(passages)]
        done = subprocess.run(command, env=footnote.environment, stdout=subprocess.PIPE, timeout=_LIMIT_S, check=True)
        took = {name: seconds - before.get(name, 0.0) for name, seconds in _processor_s(footnote).items()}
    path = json.loads(done.stdout.splitlines()[-1])
    alone = _embedder_alone(passages, folder)
    _report(corpus, path, took, alone)


def _report(corpus: str, path: dict[str, object], took: dict[str, float], alone: dict[str, float]) -> None:
    passages, seconds = int(str(path["passages"])), float(str(path["searchable_s"]))
    rate, bare = passages / seconds, passages / alone["seconds"]
    print(
        f"\n{corpus}: {path['documents']}, {passages} passages; received after {float(str(path['received_s'])):.1f} s"
    )
    print(f"  whole path     {rate:6.1f} passages/s  ({seconds:.1f} s until searches find the last)")
    print(
        f"  embedder alone {bare:6.1f} passages/s  ({alone['seconds']:.1f} s; {alone['processor_s']:.1f} of processor)"
    )
    share = alone["processor_s"] / sum(took.values())
    print(f"  {rate / bare:.0%} of the embedder alone by the clock, {share:.0%} by processor time. Processor seconds:")
    for name, used in sorted(took.items(), key=lambda row: -row[1]):
        if used >= 0.05:
            print(f"    {name:26} {used:7.1f}")
    rest = sum(took.values()) - alone["processor_s"]
    print(f"    beside embedding           {rest:7.1f}  ({rest / sum(took.values()):.0%} of all)", flush=True)


def _embedder_alone(passages: Path, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.ingestion.embedder_alone", str(passages), str(folder / "cache")]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=_LIMIT_S, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _processor_s(footnote: Running) -> dict[str, float]:
    """By process; what ended children took counts for those that waited for them."""
    assert footnote.process is not None
    used: dict[str, float] = defaultdict(float)
    for head, pids in families(footnote.process.pid).items():
        name = name_of(head)
        for pid in pids:
            try:
                parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            used[name] += sum(map(int, parts[11:15])) / _TICKS
    return dict(used)


def _files(corpus: str, data: Path, folder: Path) -> list[Path]:
    if corpus == "mixed":
        root = data / "rag-multi-corpus"
        return [root / "docs" / name for name in (root / "mixed.txt").read_text().splitlines()]
    subprocess.run(["tar", "-xzf", str(data / "big-docs-corpus" / "docs.tar.gz"), "-C", str(folder)], check=True)
    return sorted(folder.rglob("*.md"))


def _spread(files: list[Path], most: int) -> list[Path]:
    step = max(1, len(files) // most) if most else 1
    return files[::step][: most or None]


if __name__ == "__main__":
    begun = time.monotonic()
    main()
    print(f"{time.monotonic() - begun:.0f} s")
