"""The index of a running service: what it builds beside the searches, and what a restart finds of it."""

from __future__ import annotations

import gc
import shutil
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest

from retrieval.contracts import Vectors
from retrieval.index.vectors import composite, kinds, served
from retrieval.index.vectors.errors import IndexFilesDamaged, IndexKindMissing, IndexTooLarge
from retrieval.index.vectors.machine import Machine, memory_free
from retrieval.index.vectors.making import make_index
from retrieval.index.vectors.manifest import NAME, Manifest
from retrieval.index.vectors.memory import check_memory, plan_memory
from retrieval.index.vectors.served import ServedIndex, VectorSettings, serve_index
from tests.vectors.kinds_here import DIMENSION, unit

VECTORS = unit(600, 21)
IDS = np.arange(600)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composite, "_LEAST_DELTA", 100)
    monkeypatch.setattr(served, "_FULL", 1000)


def opened(folder: Path, kind: str = "ivf", version: int = 1) -> ServedIndex:
    index = serve_index(VectorSettings(folder), kind, DIMENSION, version=version, model="some/model")
    assert isinstance(index, ServedIndex)
    index.filled()
    return index


def found(index: ServedIndex, query: Vectors = VECTORS[3], k: int = 600) -> list[int]:
    return [one.passage_id for one in index.search(query, k, None)]


def built(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.rglob(NAME))


def test_a_restart_finds_in_the_files_only_what_the_database_names_again(tmp_path: Path) -> None:
    before = opened(tmp_path)
    before.add(IDS, VECTORS)
    assert before.merge_if_due(quiet_s=0) and not before.merge_if_due(quiet_s=0)
    after = opened(tmp_path)
    assert len(after) == 0 and found(after) == []
    changed = VECTORS[:500].copy()
    changed[7] = -changed[7]
    after.add(IDS[:500], changed)  # the rest was deleted while the service was away
    assert len(after) == 500 and sorted(found(after)) == list(range(500))
    assert after.search(-VECTORS[7], 1, None)[0].passage_id == 7
    assert after._index.base is not None and len(after._index._delta) == 1


def test_files_are_kept_however_long_the_database_takes_to_name_what_they_hold(tmp_path: Path) -> None:
    before = opened(tmp_path)
    before.add(IDS, VECTORS)
    before.merge_if_due(quiet_s=0)
    files = built(tmp_path)
    after = serve_index(VectorSettings(tmp_path), "ivf", DIMENSION, version=1, model="some/model")
    assert isinstance(after, ServedIndex)
    after.add(IDS[:50], VECTORS[:50])
    assert not after.merge_if_due(quiet_s=0) and built(tmp_path) == files
    after.add(IDS[50:], VECTORS[50:])
    after.filled()
    assert not after.merge_if_due(quiet_s=0) and sorted(found(after)) == list(range(600))


def test_it_is_built_anew_when_enough_has_changed_and_old_files_go(tmp_path: Path) -> None:
    index = opened(tmp_path)
    index.add(IDS[:300], VECTORS[:300])
    assert not index.merge_if_due(quiet_s=60)  # more may come
    assert index.merge_if_due(quiet_s=0)
    first = built(tmp_path)
    index.add(IDS[300:], VECTORS[300:])
    index.remove(IDS[:10])
    assert index.merge_if_due(quiet_s=0)
    assert sorted(found(index)) == list(range(10, 600))
    assert len(built(tmp_path)) == 1 and built(tmp_path) != first


def test_it_is_built_anew_though_more_never_stops_coming(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "_FULL", 2)
    index = opened(tmp_path)
    index.add(IDS[:150], VECTORS[:150])
    assert not index.merge_if_due(quiet_s=60)
    index.add(IDS[150:300], VECTORS[150:300])
    assert index.merge_if_due(quiet_s=60)  # so much has come
    index.add(IDS[300:450], VECTORS[300:450])
    assert not index.merge_if_due(quiet_s=60)
    monkeypatch.setattr(served, "_LATEST_S", 0)
    assert index.merge_if_due(quiet_s=60)  # or so long
    assert sorted(found(index)) == list(range(450)) and len(index._index._delta) == 0


def test_what_stays_exact_is_not_weighed_at_every_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "_FULL", 2)
    weighed: list[int] = []
    monkeypatch.setattr(served, "resolve", lambda *asked: weighed.append(1) or kinds.resolve(*asked))
    index = opened(tmp_path, kind="auto")
    weighed.clear()
    for number in range(6):
        index.add(IDS[number * 100 : number * 100 + 100], VECTORS[number * 100 : number * 100 + 100])
        index.merge_if_due(quiet_s=60)
    assert len(weighed) == 1


def test_damaged_files_are_left_aside_and_the_older_ones_used(tmp_path: Path) -> None:
    index = opened(tmp_path)
    index.add(IDS, VECTORS)
    index.merge_if_due(quiet_s=0)
    (good,) = built(tmp_path)
    bad = good.parent / "99999999999999999999-1"
    shutil.copytree(good, bad)
    with (bad / "vectors.faiss").open("ab") as file:
        file.write(b"more")
    with pytest.raises(IndexFilesDamaged):
        make_index("ivf", DIMENSION, folder=bad)
    again = opened(tmp_path)
    again.add(IDS, VECTORS)
    assert len(again._index._delta) == 0 and len(again) == 600
    with (good / "vectors.faiss").open("r+b") as file:
        file.seek(-3, 2)
        file.write(b"\x00\x01\x02")
    with pytest.raises(IndexFilesDamaged, match=r"vectors\.faiss"):
        Manifest.read(good).check_contents(good)


def test_a_build_that_fails_or_is_stopped_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = opened(tmp_path)
    index.add(IDS, VECTORS)
    index.stopping.set()
    with pytest.raises(served.RetrievalError, match="stopped"):
        index.merge_if_due(quiet_s=0)
    assert sorted(found(index)) == list(range(600)) and built(tmp_path) == []
    index.stopping.clear()
    assert index.merge_if_due(quiet_s=0) and sorted(found(index)) == list(range(600))


def test_an_index_that_is_let_go_ends_its_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "_LOOK_S", 0.02)
    index = opened(tmp_path)
    (merger,) = [thread for thread in threading.enumerate() if thread.name == "index-merger" and thread.is_alive()][-1:]
    gone = weakref.ref(index)
    del index
    gc.collect()
    merger.join(5)
    assert gone() is None and not merger.is_alive()


def test_auto_stays_exact_while_that_is_quick_and_says_why(tmp_path: Path) -> None:
    index = opened(tmp_path, kind="auto")
    index.add(IDS, VECTORS)
    assert not index.merge_if_due(quiet_s=0)
    assert index.choice is not None and index.choice.kind == "flat" and "exactly" in index.choice.reason


@pytest.mark.parametrize(
    ("count", "machine", "kind"),
    [
        (50_000, Machine(8_000_000_000, 4), "flat"),
        (1_000_000, Machine(8_000_000_000, 4), "ivf"),
        (10_000_000, Machine(8_000_000_000, 4), "ivf"),
        (100_000_000, Machine(8_000_000_000, 4), "milvus"),
        (10_000_000, Machine(64_000_000_000, 16, gpu_free=80_000_000_000), "gpu_flat"),
        (10_000_000, Machine(64_000_000_000, 16, gpu_free=80_000_000_000, has_cagra=True), "gpu_cagra"),
        (100_000_000, Machine(64_000_000_000, 16, gpu_free=40_000_000_000), "gpu_ivf_pq"),
        (200_000, Machine(64_000_000_000, 16, gpu_free=80_000_000_000, has_cagra=True), "flat"),
    ],
)
def test_the_kind_follows_the_number_of_vectors_and_the_machine(count: int, machine: Machine, kind: str) -> None:
    assert kinds.choose_kind(count, 384, machine).kind == kind


def test_what_does_not_fit_is_refused_before_it_is_loaded(tmp_path: Path) -> None:
    index = opened(tmp_path)
    index.add(IDS, VECTORS)
    index.merge_if_due(quiet_s=0)
    with pytest.raises(IndexTooLarge, match="are free") as caught:
        make_index("ivf", DIMENSION, folder=built(tmp_path)[0], machine=Machine(1_000_000, 2))
    assert "RETRIEVAL_INDEX_KIND" in caught.value.advice
    with pytest.raises(IndexTooLarge, match="GPU memory"):
        check_memory("gpu_flat", 1_000_000, 384, Machine(10**12, 2), "serve")


@pytest.mark.parametrize("kind", ["flat", "ivf", "hnsw", "gpu_flat", "gpu_ivf_pq", "gpu_cagra"])
def test_plans_grow_with_the_vectors(kind: str) -> None:
    small, large = plan_memory(kind, 1_000_000, 384), plan_memory(kind, 10_000_000, 384)
    assert large.serve > small.serve and large.disk > 7 * small.disk and large.device >= small.device
    assert small.disk >= 768_000_000


def test_free_memory_is_what_the_control_group_leaves(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 16000000 kB\nMemAvailable: 8000000 kB\n")
    assert memory_free(meminfo, tmp_path / "none") == 8_192_000_000
    (tmp_path / "memory.max").write_text("2000000000\n")
    (tmp_path / "memory.current").write_text("1500000000\n")
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 600000000\n")
    assert memory_free(meminfo, tmp_path) == 1_100_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory_free(meminfo, tmp_path) == 8_192_000_000


def test_a_kind_that_does_not_exist_or_cannot_run_here_is_explained(tmp_path: Path) -> None:
    with pytest.raises(IndexKindMissing) as caught:
        opened(tmp_path, kind="annoy")
    assert "ivf" in caught.value.advice
    with pytest.raises(IndexKindMissing, match="Milvus") as caught:
        serve_index(VectorSettings(tmp_path), "milvus", DIMENSION, version=1, model="m")
    assert "RETRIEVAL_MILVUS_URL" in caught.value.advice
