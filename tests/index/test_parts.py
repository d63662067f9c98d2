"""The parts of the index where the whole service would hide what matters."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings as django_settings

from retrieval.contracts import Candidate, Vectors
from retrieval.embedders import onnx_embedder
from retrieval.embedders.loading import load_embedder
from retrieval.embedders.model_folders import PACKAGED_MODEL, EmbeddingModelMissing, model_folder
from retrieval.embedders.onnx_embedder import ExportFailed, exported_model
from retrieval.embedders.tokenizer import load_tokenizer
from retrieval.index.embed_queue import EmbedderBusy, EmbedQueue
from retrieval.index.vectors.flat import FlatIndex
from retrieval.indexed_text import indexed_text
from retrieval.ranking.fusion import fuse
from tests.index.conftest import Service


class SlowEmbedder:
    name, dimension = "slow", 2

    def __init__(self) -> None:
        self.go = threading.Event()

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.go.wait(10)
        if "bad" in texts:
            raise ValueError("bad text")
        return np.ones((len(texts), 2), dtype=np.float32)

    def count_tokens(self, text: str) -> int:
        return len(text)


def test_a_full_queue_says_busy_instead_of_growing() -> None:
    embedder = SlowEmbedder()
    queue = EmbedQueue(waiting=2)
    accepted = []
    with pytest.raises(EmbedderBusy) as caught:
        for _ in range(10):
            accepted.append(queue.submit(["x"], embedder, bulk=False))
    assert caught.value.http_status == 503 and caught.value.retryable and len(accepted) <= 3
    embedder.go.set()
    assert all(future.result(10).shape == (1, 2) for future in accepted)


def test_a_failing_text_fails_its_caller_and_nobody_else() -> None:
    embedder = SlowEmbedder()
    embedder.go.set()
    queue = EmbedQueue()
    bad, good = queue.submit(["bad"], embedder, bulk=True), queue.submit(["good"], embedder, bulk=True)
    with pytest.raises(ValueError, match="bad text"):
        bad.result(10)
    assert good.result(10).shape == (1, 2)


def test_a_vector_index_refuses_other_dimensions_and_forgets_what_is_removed() -> None:
    index = FlatIndex(2)
    with pytest.raises(ValueError, match="shape"):
        index.add(np.array([1]), np.ones((1, 3), dtype=np.float32))
    index.add(np.array([1, 2]), np.array([[1, 0], [0, 1]], dtype=np.float32))
    with pytest.raises(ValueError, match="shape"):
        index.search(np.ones(3, dtype=np.float32), 1, None)
    query = np.array([1, 0], dtype=np.float32)
    assert [c.passage_id for c in index.search(query, 10, None)] == [1, 2]
    index.remove(np.array([1, 99]))
    assert [c.passage_id for c in index.search(query, 10, None)] == [2] and len(index) == 1


def test_fusion_takes_both_lists_and_survives_equal_scores() -> None:
    hits = fuse([Candidate(1, 0.9), Candidate(2, 0.1)], [Candidate(3, 7.0)], dense_weight=0.5, k=10)
    assert {h.passage_id: h.score for h in hits} == {1: 0.5, 3: 0.5, 2: 0.0}
    assert fuse([], [], dense_weight=0.5, k=10) == []


def test_indexed_text_names_the_document_once() -> None:
    assert indexed_text("travel_policy.pdf", "Travel policy", "Trains", "First class.") == (
        "travel policy\nTrains\nFirst class."
    )


def test_a_model_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(EmbeddingModelMissing) as caught:
        load_embedder("nobody/no-such-model", tmp_path, threads=1)
    assert "RETRIEVAL_EMBEDDING_MODEL" in caught.value.advice
    with pytest.raises(EmbeddingModelMissing, match=r"tokenizer\.json"):
        load_tokenizer(str(tmp_path))


def test_token_counts_ignore_padding_and_truncation() -> None:
    count = load_tokenizer(PACKAGED_MODEL)
    assert count("hello world") == 2 and count("hello " * 1000) == 1000


def test_the_idle_service_is_small(service: Service) -> None:
    service.stop()  # what other tests had it load is not idle
    service.start()
    service.client.embed(["warm"], bulk=False)
    assert service.process is not None
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    resident_kb = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
    print("resident MB", resident_kb // 1024)
    assert resident_kb < 400_000


def test_a_model_that_cannot_be_exported_leaves_nothing_half_written(tmp_path: Path) -> None:
    folder, cache = tmp_path / "model", tmp_path / "cache"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    with pytest.raises(ExportFailed):
        exported_model(folder, cache)
    assert list(cache.iterdir()) == []


def test_an_export_that_a_crash_left_empty_is_made_again(tmp_path: Path) -> None:
    name = exported_model(model_folder(PACKAGED_MODEL), django_settings.RETRIEVAL.cache_dir).name
    (tmp_path / name).touch()
    embedder = load_embedder(PACKAGED_MODEL, tmp_path, threads=2)
    assert embedder.embed(["leave"]).shape == (1, 384)
    assert (tmp_path / name).stat().st_size > 1_000_000


def test_what_set_up_prepared_is_used_unless_it_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared, cache = tmp_path / "prepared", tmp_path / "cache"
    monkeypatch.setattr(onnx_embedder, "INSTALLED", prepared)
    made = exported_model(model_folder(PACKAGED_MODEL), django_settings.RETRIEVAL.cache_dir)
    prepared.mkdir()
    (prepared / made.name).write_bytes(made.read_bytes())
    assert exported_model(model_folder(PACKAGED_MODEL), cache).parent == prepared
    (prepared / made.name).write_bytes(b"damaged")
    assert load_embedder(PACKAGED_MODEL, cache, threads=2).embed(["leave"]).shape == (1, 384)
    assert (cache / made.name).stat().st_size > 1_000_000
