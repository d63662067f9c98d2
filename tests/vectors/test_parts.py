"""Parts of the vector indexes where the contract would hide what matters."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from retrieval.contracts import Vectors
from retrieval.index.id_set import IdSet
from retrieval.index.vectors.base import Base
from retrieval.index.vectors.building import IDS, build_index
from retrieval.index.vectors.composite import Composite
from retrieval.index.vectors.errors import BuildStopped, IndexFilesDamaged, VectorStoreUnavailable
from retrieval.index.vectors.gpu import GpuStructure, code_bytes
from retrieval.index.vectors.halves import HalfVectors, Rows
from retrieval.index.vectors.library import INNER_PRODUCT, faiss, threads
from retrieval.index.vectors.making import make_index
from retrieval.index.vectors.manifest import Manifest
from retrieval.index.vectors.milvus import MilvusIndex, MilvusSettings, drop_collection
from retrieval.index.vectors.recall import recall_against_exact
from retrieval.index.vectors.row_tables import Permitted
from tests.vectors.kinds_here import DIMENSION, milvus_file, unit

VECTORS = unit(1000, 31)
IDS_HERE = np.arange(1000)


def test_searches_of_every_thread_run_on_one_core() -> None:
    seen = []

    def search() -> None:
        with threads(1):
            seen.append(faiss.omp_get_max_threads())
            with threads(2):
                seen.append(faiss.omp_get_max_threads())
            seen.append(faiss.omp_get_max_threads())

    for _ in range(2):
        thread = threading.Thread(target=search)
        thread.start()
        thread.join()
    assert seen == [1, 2, 1] * 2


def test_an_id_set_answers_as_a_set_and_makes_each_form_once() -> None:
    one, other = IdSet([5, 3, 5, 900]), IdSet([3, 4, 900])
    assert list(one) == [3, 5, 900] and len(one) == 3 and 5 in one and 4 not in one and "5" not in one
    assert list(one & other) == [3, 900] and one == IdSet([900, 5, 3]) and len(IdSet([])) == 0
    assert one.mask(np.array([900, -1, 5, 10**12])).tolist() == [True, False, True, False]
    made: list[int] = []

    def make(ids: IdSet) -> int:
        made.append(len(ids))
        return len(made)

    assert [one.form("index", state, make) for state in (1, 1, 2, 2)] == [1, 1, 2, 2]
    for owner in range(50):
        one.form(owner, 1, make)
    assert len(one._forms) <= 8
    with pytest.raises(ValueError, match="read-only"):
        one.ids[0] = 4


@pytest.mark.parametrize("spread", [1, 1_000_003])
def test_rows_are_found_by_id_however_far_apart_and_in_whatever_order(spread: int, tmp_path: Path) -> None:
    ids = np.random.default_rng(1).permutation(1000) * spread + 11
    build_index("flat", tmp_path, DIMENSION, lambda: [(ids, VECTORS)])
    index = make_index("flat", DIMENSION, folder=tmp_path)
    for row in (0, 17, 999):
        assert index.search(VECTORS[row], 1, IdSet([int(ids[row]), 5]))[0].passage_id == ids[row]
    index.remove(ids[:999])
    assert [one.passage_id for one in index.search(VECTORS[0], 10, None)] == [ids[999]]


def test_a_build_goes_on_from_the_vectors_that_it_wrote(tmp_path: Path) -> None:
    stop, seen = threading.Event(), []

    def watch(phase: str, done: float) -> None:
        seen.append(phase)
        if phase == "training":
            stop.set()

    with pytest.raises(BuildStopped):
        build_index("ivf", tmp_path, DIMENSION, lambda: [(IDS_HERE, VECTORS)], progress=watch, stop=stop)
    with pytest.raises(IndexFilesDamaged):
        Manifest.read(tmp_path)
    assert (tmp_path / IDS).exists() and "writing vectors" in seen
    built = build_index("ivf", tmp_path, DIMENSION, lambda: pytest.fail("they are written already"))
    again = build_index("ivf", tmp_path / "2", DIMENSION, lambda: [(IDS_HERE, VECTORS)])
    assert built.count == 1000 and built.recall >= 0.9 and built.sha256 == again.sha256  # the same seed, the same files
    with pytest.raises(ValueError, match="twice"):
        build_index("flat", tmp_path / "3", DIMENSION, lambda: [(np.array([1, 1]), VECTORS[:2])])


class Blind:
    """A structure that answers with the same rows whatever it is asked."""

    filters, effort = True, 1

    def near(self, query: Vectors, k: int, permitted: Permitted | None) -> Rows:
        return np.arange(50)


def mapped(tmp_path: Path) -> HalfVectors:
    build_index("flat", tmp_path, DIMENSION, lambda: [(IDS_HERE, VECTORS)])
    return HalfVectors.mapped(tmp_path / "vectors.faiss")


def test_nothing_leaves_that_is_not_permitted_whatever_a_structure_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.index.vectors.base.EXACT_ROWS", 0)
    base = Base(Manifest("blind", DIMENSION, 1000), IDS_HERE, mapped(tmp_path), Blind())
    allowed = IdSet(range(40, 1000))
    found = base.search(VECTORS[2], 30, allowed)
    assert len(found) == 30 and all(one.passage_id in allowed for one in found)
    assert found == base.exact(VECTORS[2], 30, allowed)  # ten of its rows are permitted: too few
    index = Composite(DIMENSION, base)
    assert recall_against_exact(index, unit(20, 5), 10, allowed) < 0.5
    assert recall_against_exact(Composite(DIMENSION, Base(base.manifest, IDS_HERE, base.vectors, None)), VECTORS) == 1.0


def test_a_gpu_index_that_ignores_filters_is_asked_for_more_and_then_passed_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A processor's index stands in for the GPU's: it is given no filter either."""
    monkeypatch.setattr("retrieval.index.vectors.base.EXACT_ROWS", 0)
    monkeypatch.setattr("retrieval.index.vectors.gpu.MOST", 200)
    flat = faiss.IndexScalarQuantizer(DIMENSION, faiss.ScalarQuantizer.QT_fp16, INNER_PRODUCT)
    flat.add(VECTORS)
    structure = GpuStructure(flat, 1, lambda effort, depth: None, rescored=True)
    base = Base(Manifest("gpu_flat", DIMENSION, 1000), IDS_HERE, mapped(tmp_path), structure)
    far = np.argsort(VECTORS @ VECTORS[0])  # the worst for this query first
    for allowed in (IdSet(IDS_HERE[::2]), IdSet(far[:300]), IdSet(far[:60])):
        found = base.search(VECTORS[0], 10, allowed)
        best = base.exact(VECTORS[0], 10, allowed)
        assert [one.passage_id for one in found] == [one.passage_id for one in best]
        assert all(one.passage_id in allowed for one in found)


def test_vectors_are_split_for_gpus_as_their_kernels_know_it() -> None:
    assert [code_bytes(dimension) for dimension in (384, 768, 1024, 100, 7)] == [96, 96, 64, 20, 0]


def test_what_a_milvus_server_holds_is_found_only_when_it_was_named_again() -> None:
    settings = MilvusSettings(milvus_file())
    first = MilvusIndex(settings, "restart", DIMENSION)
    first.add(IDS_HERE[:100], VECTORS[:100])
    second = MilvusIndex(settings, "restart", DIMENSION)
    assert len(second) == 0 and second.search(VECTORS[3], 5, None) == []
    changed = VECTORS[:50].copy()
    changed[3] = VECTORS[500]
    second.add(IDS_HERE[:50], changed)
    assert len(second) == 50
    assert {one.passage_id for one in second.search(VECTORS[60], 100, None)} == set(range(50))
    assert second.search(VECTORS[60], 5, IdSet([60, 70])) == []
    assert second.search(VECTORS[500], 1, None)[0].passage_id == 3
    with pytest.raises(VectorStoreUnavailable, match="components"):
        MilvusIndex(settings, "restart", DIMENSION + 1).search(np.ones(DIMENSION + 1, np.float32), 1, None)
    drop_collection(settings, "restart")
    drop_collection(settings, "restart")
    again = MilvusIndex(settings, "restart", DIMENSION + 1)
    assert again.search(np.ones(DIMENSION + 1, np.float32), 1, None) == []


def test_a_milvus_server_that_is_away_is_said_to_be_away() -> None:
    index = MilvusIndex(MilvusSettings("http://127.0.0.1:9", token="s3cret", timeout_s=2.0), "x", DIMENSION)
    with pytest.raises(VectorStoreUnavailable) as caught:
        index.search(VECTORS[0], 1, None)
    assert caught.value.retryable and "RETRIEVAL_MILVUS_URL" in caught.value.advice
    assert "s3cret" not in str(caught.value) + repr(index.settings)
