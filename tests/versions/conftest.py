from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

from chatapp.accounts.models import User
from retrieval import tasks as ingestion_tasks
from retrieval.embedders import static_embedder
from retrieval.embedders.model_folders import PACKAGED_MODEL, model_folder
from retrieval.models import Collection, Document
from retrieval.pipeline.ingestion import receive_document
from retrieval.versions import tasks
from retrieval.versions.models import IndexVersion
from tests.index.conftest import Service, collection, running_service, service
from tests.ingestion.worker import LEASE_S, Worker
from tests.versions.asking import Asking
from tests.waiting import wait_until

__all__ = ["collection", "running_service", "service"]

OTHER_DIMENSION = 48
TOPICS = ("leave", "expenses", "travel", "parking", "lunch", "training", "security", "laptops", "visitors", "pensions")
Receive = Callable[..., Document]


@pytest.fixture(scope="session")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Another embedding model than the packaged one: other vectors, another dimension, loaded in no time."""
    return made_model(tmp_path_factory.mktemp("models") / "other", seed=1)


def made_model(folder: Path, *, seed: int) -> str:
    source = model_folder(PACKAGED_MODEL) / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(source))
    rows = np.random.default_rng(seed).normal(size=(tokenizer.get_vocab_size(), OTHER_DIMENSION))
    static_embedder.write(folder, rows.astype(np.float16), tokenizer)
    shutil.copyfile(source, folder / "tokenizer.json")
    return str(folder)


@pytest.fixture
def configured(service: Service, settings: Any) -> Any:
    """This process beside the real index service, with the leases of the tests' workers and an empty broker."""
    settings.RETRIEVAL = dataclasses.replace(
        settings.RETRIEVAL, index_service_url=service.config.index_service_url, lease_seconds=LEASE_S
    )
    for message in Path(settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_in"]).iterdir():
        message.unlink()
    return settings


@pytest.fixture
def worker(configured: Any, service: Service, tmp_path: Path) -> Iterator[Worker]:
    runner = Worker(service.config.index_service_url, "", tmp_path / "worker.log")
    runner.start()
    yield runner
    runner.kill()
    print((tmp_path / "worker.log").read_text(errors="replace")[-4000:])


@pytest.fixture
def receive(configured: Any, collection: Collection) -> Receive:
    boss = User.objects.create_superuser("boss")

    def _receive(name: str, text: str, into: Collection | None = None) -> Document:
        content = BytesIO(text.encode())
        return receive_document(collection=into or collection, name=name, content=content, by=boss).document

    return _receive


@pytest.fixture
def library(worker: Worker, receive: Receive) -> list[Document]:
    """Twenty documents, each of a few passages, that are found."""
    documents = [receive(f"{TOPICS[n % 10]} {n}.md", text_about(n)) for n in range(20)]
    settle(lambda: Document.objects.filter(status=Document.Status.READY).count() == len(documents))
    return documents


@pytest.fixture
def asking(service: Service, collection: Collection) -> Iterator[Asking]:
    asked = Asking(service, collection, [f"What is the rule on {topic}?" for topic in TOPICS])
    yield asked
    asked.stop()


def text_about(number: int, paragraphs: int = 6) -> str:
    topic = TOPICS[number % 10]
    parts = [
        f"## Rule {part} on {topic}\n\n" + f"Matter {number}.{part} of {topic} is decided by the office. " * 12
        for part in range(paragraphs)
    ]
    return f"# {topic.title()}\n\n" + "\n\n".join(parts)


def settle(done: Callable[[], bool], timeout_s: float = 150.0) -> None:
    """Sweep as the schedule does, until it is done."""

    def look() -> bool:
        tasks.sweep()
        ingestion_tasks.sweep()
        return done()

    wait_until(look, timeout_s, every_s=0.3)


def serves(version: IndexVersion) -> bool:
    version.refresh_from_db()
    assert version.status not in ("failed", "cancelled"), version.error
    return version.status == IndexVersion.Status.SERVING and not version.catch_up
