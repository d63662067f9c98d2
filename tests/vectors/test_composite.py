"""Any order of changes, searches and merges is what a dictionary of vectors would be."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from retrieval.contracts import Vectors
from retrieval.index.id_set import IdSet
from retrieval.index.vectors.base import Base, load_base
from retrieval.index.vectors.building import build_index
from retrieval.index.vectors.composite import Composite, MergeRuns
from tests.vectors.kinds_here import DIMENSION, unit

POOL = unit(400, 11)
SOME_IDS = st.lists(st.integers(0, 120), max_size=12)


class Changes(RuleBasedStateMachine):
    @initialize(ids=st.sets(st.integers(0, 120), max_size=80), seed=st.integers(0, 300))
    def start(self, ids: set[int], seed: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.model: dict[int, Vectors] = {passage: POOL[(passage + seed) % 400] for passage in sorted(ids)}
        self.merges = 0
        self.index = Composite(DIMENSION, self._built(Composite(DIMENSION), self.model))

    def _built(self, _: Composite, held: dict[int, Vectors]) -> Base:
        ids = np.array(list(held), dtype=np.int64)
        vectors = np.stack(list(held.values())) if held else np.zeros((0, DIMENSION), np.float32)
        folder = Path(self.folder.name) / "first"
        build_index("ivf", folder, DIMENSION, lambda: [(ids, vectors)])
        return load_base(folder)

    @rule(ids=SOME_IDS, seed=st.integers(0, 399))
    def add(self, ids: list[int], seed: int) -> None:
        vectors = np.stack([POOL[(seed + at) % 400] for at in range(len(ids))]) if ids else POOL[:0]
        self.index.add(np.array(ids, dtype=np.int64), vectors)
        self.model.update(zip(ids, vectors, strict=True))

    @rule(ids=SOME_IDS)
    def remove(self, ids: list[int]) -> None:
        self.index.remove(np.array(ids, dtype=np.int64))
        for passage in ids:
            self.model.pop(passage, None)

    @rule(ids=SOME_IDS, while_merging=SOME_IDS, gone=SOME_IDS, fails=st.booleans())
    def merge(self, ids: list[int], while_merging: list[int], gone: list[int], fails: bool) -> None:
        self.merges += 1
        folder = Path(self.folder.name) / str(self.merges)

        def build(batches: object) -> Base:
            self.add(while_merging, self.merges)
            self.remove(gone)
            self.search(ids, 3, 0)
            if fails:
                raise OSError("the disk is full")
            build_index("ivf", folder, DIMENSION, batches)  # type: ignore[arg-type]
            return load_base(folder)

        try:
            self.index.merge(build)
        except OSError:
            assert fails

    @rule(allowed=SOME_IDS, k=st.integers(1, 20), query=st.integers(0, 399))
    def search(self, allowed: list[int], k: int, query: int) -> None:
        for scope in (None, set(allowed), set(range(0, 121, 2))):
            found = self.index.search(POOL[query], k, None if scope is None else IdSet(scope))
            held = {p: float(v @ POOL[query]) for p, v in self.model.items() if scope is None or p in scope}
            best = sorted(held.values(), reverse=True)[:k]
            assert {one.passage_id for one in found} <= held.keys()
            assert len({one.passage_id for one in found}) == len(found)
            assert np.allclose([one.score for one in found], best, atol=2e-3)

    @invariant()
    def counts_agree(self) -> None:
        if hasattr(self, "model"):
            assert len(self.index) == len(self.model)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()


Changes.TestCase.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestChanges = Changes.TestCase


def test_searches_beside_changes_never_lose_or_repeat_a_passage() -> None:
    ids, vectors = np.arange(400), POOL
    index = Composite(DIMENSION)
    index.add(ids, vectors)
    stop, wrong = threading.Event(), []

    def search() -> None:
        while not stop.is_set():
            found = [one.passage_id for one in index.search(POOL[3], 400, None)]
            if len(found) != 400 or len(set(found)) != 400:
                wrong.append(len(found))

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    with tempfile.TemporaryDirectory() as folder:
        for round_ in range(4):
            at = Path(folder) / str(round_)
            index.merge(lambda batches, at=at: (build_index("flat", at, DIMENSION, batches), load_base(at))[1])  # type: ignore[misc]
            index.add(ids[:50], vectors[:50])
    stop.set()
    for thread in threads:
        thread.join(10)
    assert wrong == []


def test_one_merge_runs_at_a_time_and_is_wanted_when_the_delta_is_large(tmp_path: Path) -> None:
    index = Composite(DIMENSION)
    assert not index.wants_merge()
    index.add(np.arange(20_100), np.tile(POOL, (51, 1))[:20_100])
    assert index.wants_merge()

    def build(batches: object) -> Base:
        with pytest.raises(MergeRuns):
            index.merge(build)
        build_index("flat", tmp_path, DIMENSION, batches)  # type: ignore[arg-type]
        return load_base(tmp_path)

    index.merge(build)
    assert not index.wants_merge() and len(index) == 20_100
