from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from retrieval.models import Collection, Document
from retrieval.sources.models import Source
from retrieval.sources.retiring import settle
from retrieval.sources.services import ask_run, create_source
from retrieval.sources.sync import run_source
from tests.sources.site import Site

Run = Callable[[Source], Source]


@pytest.fixture
def top(tmp_path: Path) -> Path:
    folder = tmp_path / "share"
    folder.mkdir()
    return folder


@pytest.fixture(autouse=True)
def allowed(settings: Any, tmp_path: Path) -> None:
    """Sources may read the test's folder and reach this machine; each file counts as settled at once."""
    settings.RETRIEVAL = dataclasses.replace(
        settings.RETRIEVAL,
        source_folders=(tmp_path,),
        source_networks=("127.0.0.0/8",),
        source_keys={"SOURCE_KEY_STORE": "reader:secret-of-reader", "SOURCE_KEY_GIT": "robot:token"},
        cache_dir=tmp_path / "cache",
    )


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrieval.sources.connectors.folder._SETTLED_S", 0.0)


@pytest.fixture
def collection(transactional_db: None) -> Collection:
    return Collection.objects.create(name="Handbook")


@pytest.fixture
def source(collection: Collection, top: Path, settled: None) -> Source:
    return create_source(name="Share", collection=collection, kind="folder", settings={"path": str(top)})


@pytest.fixture
def run() -> Run:
    """One whole run, as a worker does it."""

    def _run(source: Source) -> Source:
        assert ask_run(source)
        assert run_source(source.pk) == "done"
        source.refresh_from_db()
        return source

    return _run


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


def make_ready() -> None:
    """What ingestion does with everything that waits; then new versions take the place of old ones."""
    waiting = Document.objects.exclude(status__in=["ready", "failed"])
    waiting.update(status=Document.Status.READY, ready_at=timezone.now())
    settle()


def names(collection: Collection) -> list[str]:
    return sorted(Document.objects.filter(collection=collection).values_list("path", flat=True))
