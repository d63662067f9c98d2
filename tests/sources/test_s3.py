from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import minio
import pytest
from moto.server import ThreadedMotoServer

from retrieval.models import Collection
from retrieval.sources.models import Source
from retrieval.sources.services import create_source
from tests.sources.conftest import Run, make_ready, names


@pytest.fixture(scope="module")
def store() -> Iterator[minio.Minio]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield minio.Minio(f"{host}:{port}", access_key="a", secret_key="b", secure=False)
    server.stop()


@pytest.fixture
def bucket(store: minio.Minio) -> Iterator[minio.Minio]:
    store.make_bucket("docs")
    yield store
    for found in list(store.list_objects("docs", recursive=True)):
        store.remove_object("docs", found.object_name or "")
    store.remove_bucket("docs")


@pytest.fixture
def source(collection: Collection, bucket: minio.Minio) -> Source:
    endpoint = f"http://{bucket._base_url.host}"
    settings = {"endpoint": endpoint, "bucket": "docs", "prefix": "handbook/", "endings": [".txt"]}
    return create_source(
        private_networks=True,
        name="Store",
        collection=collection,
        kind="s3",
        settings=settings,
        key_name="SOURCE_KEY_STORE",
    )


def put(store: minio.Minio, key: str, text: str) -> None:
    store.put_object("docs", key, io.BytesIO(text.encode()), len(text.encode()))


def test_a_bucket_is_taken_and_only_changes_after_that(source: Source, bucket: minio.Minio, run: Run) -> None:
    put(bucket, "handbook/a.txt", "first")
    put(bucket, "handbook/b.txt", "second")
    put(bucket, "handbook/c.png", "picture")
    put(bucket, "other/d.txt", "not asked for")
    assert run(source).counts == {"seen": 2, "new": 2}
    make_ready()
    put(bucket, "handbook/a.txt", "first, mended")
    bucket.remove_object("docs", "handbook/b.txt")
    assert run(source).counts == {"seen": 1, "changed": 1, "removed": 1}
    make_ready()
    assert names(source.collection) == ["handbook/a.txt"]


def test_a_bucket_that_is_not_there_removes_nothing(source: Source, bucket: minio.Minio, run: Run) -> None:
    put(bucket, "handbook/a.txt", "first")
    run(source)
    Source.objects.update(settings={**source.settings, "bucket": "elsewhere"})
    failed = run(source)
    assert failed.error_code == "source_failed" and "NoSuchBucket" in failed.error
    assert names(source.collection) == ["handbook/a.txt"]


def test_a_key_that_the_worker_does_not_have_is_named(source: Source, run: Run) -> None:
    Source.objects.update(key_name="SOURCE_KEY_OTHER")
    failed = run(source)
    assert failed.error_code == "source_refused" and "SOURCE_KEY_OTHER" in failed.error
    assert "secret-of-reader" not in failed.error
