"""One kind, served from its files in this process: memory, search time, recall, questions a second."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np

from benchmarks.vector_index.population import Population, scopes
from benchmarks.vector_index.truth import Case, cached_scores, recall
from retrieval.contracts import Candidate, Vectors
from retrieval.index.id_set import IdSet
from retrieval.index.vectors.base import load_base
from retrieval.index.vectors.composite import Composite

SHARES = (0.001, 0.01, 0.1, 0.5)
DEPTHS = (10, 100)  # what the goal names, and how deep the product's own list is
HEADING = "kind  filter                  k   recall@10   p50 ms   p95 ms   p50 CPU   p95 CPU   first ms"


def measure(kind: str, folder: Path, population: Population, count: int) -> None:
    questions = population.questions(count)
    cases = [Case("all", None)]
    for share in SHARES:
        cases += [Case(f"{share:.1%} {name}", rows) for name, rows in scopes(population, share).items()]
    population.forget_tree()
    before = _memory()
    base = load_base(folder / kind)
    index = Composite(base.dimension, base)
    loaded = _memory()
    for question in questions[:30]:
        index.search(question, 10, None)
    used = _memory()
    best = cached_scores(folder / f"truth-{count}.npz", base.vectors, questions, cases, 10)
    for case in cases:
        for k in DEPTHS:
            _row(kind, case, index, questions, best[case.name], k)
    _throughput(kind, index, questions)
    print(
        f"{kind}: memory before loading {before}, after it {loaded}, then {used}, at the end {_memory()}",
        flush=True,
    )


def _row(kind: str, case: Case, index: Composite, questions: Vectors, best: Vectors, k: int) -> None:
    allowed = None if case.rows is None else IdSet(case.rows)
    seconds: list[float] = []
    computed: list[float] = []  # without the time in which the machine did something else
    found: list[list[Candidate]] = []
    for question in questions:
        begun, cpu = time.perf_counter(), time.thread_time()
        found.append(index.search(question, k, allowed))
        seconds.append(time.perf_counter() - begun)
        computed.append(time.thread_time() - cpu)
    p50, p95 = 1000 * np.quantile(seconds[1:], [0.5, 0.95])
    cpu50, cpu95 = 1000 * np.quantile(computed[1:], [0.5, 0.95])
    print(
        f"{kind:5} {case.name:20} {k:4} {recall(found, best):11.3f} {p50:8.2f} {p95:8.2f} {cpu50:9.2f} {cpu95:9.2f}"
        f" {1000 * seconds[0]:10.2f}",
        flush=True,
    )


def _throughput(kind: str, index: Composite, questions: Vectors, seconds: float = 5.0) -> None:
    for workers in (1, 2, 4):
        done = [0] * workers
        stop = threading.Event()

        def work(number: int, done: list[int] = done, stop: threading.Event = stop) -> None:
            while not stop.is_set():
                index.search(questions[(number * 31 + done[number]) % len(questions)], 10, None)
                done[number] += 1

        threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        stop.set()
        for thread in threads:
            thread.join()
        print(f"{kind}: {sum(done) / seconds:,.0f} questions/s from {workers} threads", flush=True)


def _memory() -> str:
    """RSS, and how much of it is this process' own rather than pages of mapped files."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    total, own = (int(lines[name].split()[0]) // 1024 for name in ("VmRSS", "RssAnon"))
    return f"{total} MB ({own} MB own)"
