from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client as HttpClient
from django.utils import timezone

from retrieval.models import Collection, Document, Passage
from tests.conftest import Cast, signed_in_client
from tests.conversations.attaching import attach, read_it
from tests.conversations.model_double import ModelDouble
from tests.conversations.web import Client, Web
from tests.ingestion.fake_index import FakeIndex
from tests.redis_server import Redis
from tests.waiting import wait_until

PASSAGES = ("Everybody has 28 days of leave a year.", "Carried leave lapses on 31 March.")


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fn-web-") as path:
        yield Path(path)


@pytest.fixture(scope="session")
def index_double() -> Iterator[FakeIndex]:
    double = FakeIndex()
    yield double
    double.stop()


@pytest.fixture(scope="session")
def model_double() -> Iterator[ModelDouble]:
    double = ModelDouble()
    yield double
    double.stop()


@pytest.fixture(scope="session")
def redis_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    redis = Redis(tmp_path_factory.mktemp("redis"))
    redis.start()
    yield redis.url
    redis.end()


@pytest.fixture(scope="session", params=["memory", pytest.param("redis", marks=pytest.mark.redis)])
def stream_url(request: pytest.FixtureRequest) -> str:
    """Where turn streams are kept: '' for the web process's own memory."""
    return "" if request.param == "memory" else str(request.getfixturevalue("redis_address"))


@pytest.fixture(scope="session")
def running_web(
    django_db_setup: None,
    django_db_blocker: Any,
    folder: Path,
    index_double: FakeIndex,
    model_double: ModelDouble,
    stream_url: str,
) -> Iterator[Web]:
    long_answers = {"INFERENCE_MAX_ANSWER_TOKENS": "200000", "INFERENCE_CONTEXT_TOKENS": "300000"}
    process = Web(folder, index_double.url, model_double.url, stream_url, **long_answers)
    process.start()
    yield process
    process.end()
    process.had_no_traceback()


@pytest.fixture
def web(running_web: Web, model: ModelDouble, index: FakeIndex, transactional_db: None) -> Web:
    return running_web


@pytest.fixture
def model(model_double: ModelDouble) -> Iterator[ModelDouble]:
    model_double.reset()
    yield model_double
    model_double.gate.set()
    wait_until(lambda: model_double.writing == 0, 15)


@pytest.fixture
def index(index_double: FakeIndex) -> FakeIndex:
    index_double.search_delay_s, index_double.hits = 0.0, []
    index_double.searches.clear()
    return index_double


@pytest.fixture
def handbook(cast: Cast, index: FakeIndex) -> Document:
    """Two passages in a collection that alice's and bob's groups read; every search finds both."""
    collection = Collection.objects.create(name="Handbook")
    collection.readers.set(Group.objects.all())
    document = Document.objects.create(
        collection=collection, name="leave.md", size=1, sha256="0" * 64, status="ready", ready_at=timezone.now()
    )
    rows = [Passage.objects.create(document=document, ordinal=n, text=text) for n, text in enumerate(PASSAGES)]
    index.hits = [{"passage_id": row.pk, "score": 0.9, "dense": 0.8, "lexical": 5.0} for row in rows]
    return document


@pytest.fixture
def client_of(web: Web) -> Callable[[Any], Client]:
    return lambda user: Client(web, user)


@pytest.fixture
def alice(client_of: Callable[[Any], Client], cast: Cast, handbook: Document) -> Client:
    return client_of(cast.alice)


# -- files of one conversation -----------------------------------------------------------------------------------------
@pytest.fixture
def staged(settings: Any, index: FakeIndex) -> None:
    """What this process reads and embeds, it embeds at the double."""
    settings.RETRIEVAL = dataclasses.replace(settings.RETRIEVAL, index_service_url=index.url)


@pytest.fixture
def http(cast: Cast) -> dict[str, HttpClient]:
    return {name: signed_in_client(getattr(cast, name)) for name in ("alice", "bob", "charlie", "administrator")}


@pytest.fixture
def attached(http: dict[str, HttpClient], handbook: Document, index: FakeIndex) -> dict[str, Any]:
    """Alice's file in a conversation in which nothing was asked yet, read."""
    body = attach(http["alice"]).json()
    read_it(index)
    return {"conversation": body["conversation"], "document": body["attachment"]["id"]}
