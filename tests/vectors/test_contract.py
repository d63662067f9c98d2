"""What every kind of vector index keeps to, whichever engine is behind it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from retrieval.index.id_set import IdSet
from retrieval.index.vectors import base as base_module
from retrieval.index.vectors import milvus
from tests.vectors.kinds_here import ANN, DIMENSION, KINDS, best_of, filled, unit

COUNT = 1500


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    # Small scopes would all be searched exactly: with these limits the structures have to filter.
    monkeypatch.setattr(base_module, "EXACT_ROWS", 20)
    monkeypatch.setattr(milvus, "_FEW", 200)
    return str(request.param)


def test_it_finds_what_comparing_with_everything_finds(kind: str, tmp_path: Path) -> None:
    ids, vectors = np.arange(COUNT) * 3 + 7, unit(COUNT, 1)
    index = filled(kind, tmp_path, ids, vectors)
    shares = []
    for query in unit(20, 2):
        found = {one.passage_id: one.score for one in index.search(query, 10, None)}
        best = best_of(ids, vectors, query, 10, None)
        shares.append(len(found.keys() & best.keys()) / 10)
        assert all(abs(score - float(vectors[(passage - 7) // 3] @ query)) < 2e-3 for passage, score in found.items())
    assert len(index) == COUNT
    assert np.mean(shares) >= (0.95 if kind in ANN else 0.99)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.6])
@pytest.mark.parametrize("correlated", [False, True])
def test_a_filter_costs_no_recall_and_lets_nothing_else_through(
    kind: str, share: float, correlated: bool, tmp_path: Path
) -> None:
    ids, vectors = np.random.default_rng(3).permutation(9000)[:COUNT].astype(np.int64), unit(COUNT, 1)
    index = filled(kind, tmp_path, ids, vectors)
    wanted = int(share * COUNT)
    order = np.argsort(-(vectors @ vectors[0])) if correlated else np.random.default_rng(4).permutation(COUNT)
    allowed = {int(passage) for passage in ids[order[:wanted]]}
    scope = IdSet(allowed | {100_000})  # an id that nothing has
    shares = []
    for query in unit(20, 5):
        found = [one.passage_id for one in index.search(query, 10, scope)]
        assert set(found) <= allowed and len(set(found)) == len(found)
        shares.append(len(set(found) & best_of(ids, vectors, query, 10, allowed).keys()) / min(10, wanted))
    assert np.mean(shares) >= (0.95 if kind in ANN else 0.99)


def test_what_is_removed_or_replaced_is_not_found_as_it_was(kind: str, tmp_path: Path) -> None:
    ids, vectors = np.arange(200), unit(200, 1)
    index = filled(kind, tmp_path, ids, vectors)
    query = vectors[5]
    assert index.search(query, 1, None)[0].passage_id == 5
    index.remove(np.array([5, 999]))
    assert 5 not in {one.passage_id for one in index.search(query, 200, None)} and len(index) == 199
    assert index.search(query, 5, IdSet([5])) == []
    index.add(np.array([5, 6]), np.stack([-query, query]))
    assert len(index) == 200 and index.search(query, 1, None)[0].passage_id == 6
    (again,) = index.search(query, 1, IdSet([5]))
    assert again.passage_id == 5 and again.score < -0.99


def test_an_empty_scope_an_empty_index_and_a_wrong_dimension_are_plain(kind: str, tmp_path: Path) -> None:
    index = filled(kind, tmp_path, np.zeros(0, dtype=np.int64), np.zeros((0, DIMENSION), np.float32))
    query = unit(1, 1)[0]
    assert index.search(query, 5, None) == [] and index.search(query, 5, IdSet([1])) == [] and len(index) == 0
    index.add(np.array([4]), query[None, :])
    assert index.search(query, 5, IdSet([])) == []
    assert [one.passage_id for one in index.search(query, 5, None)] == [4]
    with pytest.raises(ValueError, match="shape"):
        index.add(np.array([1]), np.ones((1, 3), dtype=np.float32))
    with pytest.raises(ValueError, match="shape"):
        index.search(np.ones(3, dtype=np.float32), 1, None)
