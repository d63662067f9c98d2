from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

import kombu.pools
import pytest

from chatapp.accounts.models import User
from retrieval.models import Collection, Document
from retrieval.pipeline.ingestion import receive_document
from tests.ingestion.fake_index import FakeIndex
from tests.ingestion.worker import LEASE_S, Worker


class Receive(Protocol):
    def __call__(self, content: bytes, name: str = "notes.txt") -> Document: ...


@pytest.fixture
def index() -> Iterator[FakeIndex]:
    fake = FakeIndex()
    yield fake
    fake.stop()


@pytest.fixture
def configured(settings: Any, tmp_path: Path, index: FakeIndex) -> Any:
    """This process on the fake index, with the leases of the tests' workers and an empty broker."""
    settings.RETRIEVAL = dataclasses.replace(settings.RETRIEVAL, index_service_url=index.url, lease_seconds=LEASE_S)
    for message in Path(settings.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_in"]).iterdir():
        message.unlink()
    return settings


@pytest.fixture
def boss(transactional_db: None) -> User:
    return User.objects.create_superuser("boss")


@pytest.fixture
def collection(boss: User) -> Collection:
    return Collection.objects.create(name="Handbook")


@pytest.fixture
def receive(configured: Any, collection: Collection, boss: User) -> Receive:
    def _receive(content: bytes, name: str = "notes.txt") -> Document:
        return receive_document(collection=collection, name=name, content=BytesIO(content), by=boss).document

    return _receive


@pytest.fixture(params=["files", pytest.param("redis", marks=pytest.mark.redis)])
def broker_url(request: pytest.FixtureRequest, configured: Any) -> str:
    """'' for the file broker, else the address of a Redis that this process publishes to as well."""
    from chatapp.celery import app

    if request.param == "files":
        return ""
    url: str = request.getfixturevalue("redis_url")
    before = {key: app.conf[key] for key in ("broker_url", "broker_transport_options")}
    app.conf.update(broker_url=url, broker_transport_options={"visibility_timeout": 3600})
    _reconnect(app)

    def restore() -> None:
        app.conf.update(before)
        _reconnect(app)

    request.addfinalizer(restore)
    return url


def _reconnect(app: Any) -> None:
    kombu.pools.reset()
    app._pool = None
    app.__dict__.pop("amqp", None)


@pytest.fixture
def worker(broker_url: str, index: FakeIndex, tmp_path: Path) -> Iterator[Worker]:
    runner = Worker(index.url, broker_url, tmp_path / "worker.log")
    runner.start()
    yield runner
    runner.kill()
    print((tmp_path / "worker.log").read_text(errors="replace")[-6000:])
