from __future__ import annotations

import dataclasses
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.conf import settings as django_settings
from django.db import transaction
from django.utils import timezone

from retrieval.changes import record_change
from retrieval.config import RetrievalConfig
from retrieval.contracts import SearchRequest, Vectors
from retrieval.errors import IndexUnavailable
from retrieval.indexed_text import indexed_text
from retrieval.models import Collection, Document, IndexChange, Passage, PassageVector
from retrieval.service.client import IndexClient
from tests.database import database_url
from tests.waiting import wait_until


class Service:
    """`manage.py serve_index` in a process of its own, on a Unix socket and the database of the tests."""

    running: ClassVar[set[Service]] = set()

    def __init__(self, folder: Path) -> None:
        self.config: RetrievalConfig = dataclasses.replace(
            django_settings.RETRIEVAL, index_service_url=f"unix://{folder}/index.sock"
        )
        self.socket, self.log = folder / "index.sock", folder / "index.log"
        self.client = IndexClient(self.config)
        self.process: subprocess.Popen[bytes] | None = None
        self.command = [sys.executable, "manage.py", "serve_index"]

    def start(self) -> None:
        environment = {
            **os.environ,
            "DATABASE_URL": database_url(),
            "CHATAPP_VAR_DIR": str(django_settings.VAR_DIR),
            "INDEX_SERVICE_URL": self.config.index_service_url,
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=environment, stdout=log, stderr=log, cwd=django_settings.BASE_DIR
            )
        self.running.add(self)
        wait_until(self.ready, 120)

    def ready(self) -> bool:
        assert self.process is not None and self.process.poll() is None, self.log.read_text()[-2000:]
        try:
            return self.client.status().ready
        except IndexUnavailable:
            return False

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(20)
        self.process = None
        self.running.discard(self)
        return code

    def found(self, question: str, *collections: Collection, k: int = 10) -> list[int]:
        request = SearchRequest(question, frozenset(c.pk for c in collections), k)
        return [hit.passage_id for hit in self.client.search(request)]

    def caught_up(self) -> None:
        newest = IndexChange.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
        wait_until(lambda: self.client.status().applied >= newest, 10)


@pytest.fixture(scope="session")
def running_service(django_db_setup: None, django_db_blocker: Any) -> Iterator[Service]:
    with tempfile.TemporaryDirectory(prefix="fn-index-") as folder:
        service = Service(Path(folder))
        service.start()
        yield service
        if service.process is not None:
            service.stop()


@pytest.fixture
def service(running_service: Service, transactional_db: None) -> Service:
    if running_service.process is None:
        running_service.start()
    return running_service


@pytest.fixture
def collection(transactional_db: None) -> Collection:
    return Collection.objects.create(name="Handbook")


@pytest.fixture
def publish(service: Service) -> Callable[[Collection, str, Sequence[str]], Document]:
    """Store a ready document with its passages and vectors, as ingestion does."""

    def _publish(collection: Collection, name: str, passages: Sequence[str]) -> Document:
        texts = [indexed_text(name, "", "", text) for text in passages]
        return store(collection, name, passages, service.client.embed(texts, bulk=True))

    return _publish


def store(collection: Collection, name: str, passages: Sequence[str], vectors: Vectors) -> Document:
    with transaction.atomic():
        document = Document.objects.create(
            collection=collection,
            name=name,
            size=1,
            sha256=hashlib.sha256(name.encode()).hexdigest(),
            status=Document.Status.READY,
            ready_at=timezone.now(),
        )
        rows = Passage.objects.bulk_create(
            Passage(document=document, ordinal=i, text=text) for i, text in enumerate(passages)
        )
        PassageVector.objects.bulk_create(
            PassageVector(
                passage=row, model=django_settings.RETRIEVAL.embedding_model, vector=vector.astype("<f2").tobytes()
            )
            for row, vector in zip(rows, vectors, strict=True)
        )
        record_change(document, IndexChange.Kind.ADD)
    return document


def ids(document: Document) -> set[int]:
    return set(Passage.objects.filter(document=document).values_list("pk", flat=True))
