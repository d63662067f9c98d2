"""Ten thousand documents without a hand: `python -m benchmarks.ingestion.many [--documents N] [--real-embedder]`.

Starts a Footnote of its own, hands in small files of many kinds into several collections (some broken, some twice),
ends its worker three times with SIGKILL on the way, and waits. At its end: how each document ended, that no passage
lacks its vector, what the processes weighed over time, how many messages lay in the queue at most, and how long the
API took meanwhile. By default a static model with random vectors embeds, so that what is measured is the path and not
the embedder's arithmetic; everything else is real. `--real-embedder` takes the model that Footnote brings.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from tokenizers import Tokenizer

from benchmarks.running import MANAGE, Running, families, name_of, running
from retrieval.embedders.model_folders import PACKAGED_MODEL, model_folder
from retrieval.embedders.static_embedder import write

_COLLECTIONS = ("Handbook", "Projects", "Minutes", "Finance", "Archive")
_WORDS = "budget office travel leave report meeting supplier contract server holiday customer invoice risk plan".split()
_LOOKS_EVERY_S = 5.0
_DIMENSION = 64
_DOORS = (
    "/api/ingestion/",
    "/api/collections/",
    "/api/collections/{}/documents/?page=1",
    "/api/collections/{}/documents/?page=1&name=note",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--real-embedder", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fn-many-") as folder:
        listed = _write(Path(folder), given.documents)
        model = PACKAGED_MODEL if given.real_embedder else str(_static_model(Path(folder) / "model"))
        with running(Path(folder) / "var", {"RETRIEVAL_EMBEDDING_MODEL": model}) as footnote:
            _measure(footnote, listed, Path(folder) / "passages", given.documents, given.kills)


def _measure(footnote: Running, listed: Path, passages: Path, documents: int, kills: int) -> None:
    command = [sys.executable, "-m", "benchmarks.ingestion.inside", str(listed), str(passages)]
    begun = time.monotonic()
    watch = _Watch(footnote, kills)
    handing = subprocess.Popen(command, env=footnote.environment, stdout=subprocess.PIPE)
    while handing.poll() is None:
        watch.look()
        time.sleep(_LOOKS_EVERY_S)
    output = handing.stdout.read() if handing.stdout else b""
    ended: dict[str, Any] = json.loads(output.splitlines()[-1])
    watch.look()
    print(f"{documents} files in {time.monotonic() - begun:.0f} s, {watch.killed} workers killed: {ended}")
    watch.report()


class _Watch:
    """What it weighs, and how quick it stays."""

    def __init__(self, footnote: Running, kills: int) -> None:
        self.footnote, self.kills, self.killed = footnote, kills, 0
        self.begun = time.monotonic()
        self.memory: list[tuple[float, dict[str, float]]] = []
        self.most_messages = 0
        self._next_kill = 20.0
        self._seconds: dict[str, list[float]] = {}
        key = subprocess.run(
            [*MANAGE, "apikey", "create", "bench"], env=footnote.environment, capture_output=True, check=True
        )
        headers = {"Authorization": f"Bearer {key.stdout.decode().strip()}"}
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{footnote.port}", headers=headers, trust_env=False)

    def look(self) -> None:
        now = time.monotonic() - self.begun
        weights = {name: one.pss / 1e6 for name, one in self.footnote.memory().items()}
        self.memory.append((now, weights))
        queue = self.footnote.var / "broker" / "data"
        self.most_messages = max(self.most_messages, sum(1 for _ in queue.iterdir()) if queue.exists() else 0)
        self._ask_doors()
        if self.killed < self.kills and now > self._next_kill:
            self._next_kill = now + 25.0
            self._kill_worker()

    def _ask_doors(self) -> None:
        collections = self._http.get("/api/collections/", timeout=60).json()["collections"]
        largest = max(collections, key=lambda one: one["documents"])["id"]
        for door in _DOORS:
            begun = time.monotonic()
            self._http.get(door.format(largest), timeout=60).raise_for_status()
            self._seconds.setdefault(door, []).append(time.monotonic() - begun)

    def _kill_worker(self) -> None:
        """The parent and its children, as a machine that loses power does it."""
        assert self.footnote.process is not None
        for head in families(self.footnote.process.pid):
            if name_of(head).startswith("worker"):
                os.killpg(head, signal.SIGKILL)
                self.killed += 1

    def report(self) -> None:
        print(f"messages in the queue's folder at most: {self.most_messages}")
        for door, seconds in self._seconds.items():
            middle, worst = sorted(seconds)[len(seconds) // 2], max(seconds)
            print(f"  {door:55} {middle * 1000:6.0f} ms, at most {worst * 1000:6.0f}")
        shown = [self.memory[round(part * (len(self.memory) - 1) / 5)] for part in range(6)]
        print("memory in MB (PSS) over time:")
        for name in sorted({name for _, weights in shown for name in weights}):
            print(f"  {name:26}", *(f"{weights.get(name, 0.0):8.0f}" for _, weights in shown))
        print("  seconds                   ", *(f"{at:8.0f}" for at, _ in shown), flush=True)


def _write(folder: Path, number: int) -> Path:
    """One in 50 is broken, one in 40 is the same as the one before; lines of collection and path."""
    chance = random.Random(7)
    lines, before = [], b""
    for place in range(number):
        name, content = _document(place, chance)
        if place % 40 == 39:
            content = before
        path = folder / "files" / f"{place // 1000}" / f"{place:05} {name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        lines.append(f"{_COLLECTIONS[min(4, place % 7)]}\t{path}")
        before = content
    listed = folder / "list"
    listed.write_text("\n".join(lines) + "\n")
    return listed


def _document(place: int, chance: random.Random) -> tuple[str, bytes]:
    text = " ".join(chance.choice(_WORDS) for _ in range(chance.randint(20, 120))) + f". Note {place}."
    if place % 50 == 7:
        return "broken.pdf", b"%PDF-1.7 " + text.encode()
    match place % 5:
        case 0:
            return "note.md", f"# Note {place}\n\n{text}".encode()
        case 1:
            return "page.html", f"<html><title>{place}</title><body><article><p>{text}</p></article></body>".encode()
        case 2:
            return "table.csv", f"name,amount\n{text.split()[0]},{place}\n".encode()
        case 3:
            header = f"From: a@example.com\nTo: b@example.com\nSubject: Note {place}\nContent-Type: text/plain\n\n"
            return "mail.eml", (header + text).encode()
    return "note.txt", text.encode()


def _static_model(folder: Path) -> Path:
    """Random vectors for each token: nothing to find, and next to nothing to compute."""
    tokenizer = Tokenizer.from_file(str(model_folder(PACKAGED_MODEL) / "tokenizer.json"))
    rows = np.random.default_rng(7).standard_normal((tokenizer.get_vocab_size(), _DIMENSION)).astype(np.float16)
    write(folder, rows, tokenizer)
    return folder


if __name__ == "__main__":
    main()
