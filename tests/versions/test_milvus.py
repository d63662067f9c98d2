"""A version whose vectors lie on a Milvus server, through the whole product."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from retrieval.models import Document
from retrieval.pipeline.ingestion import delete_document
from retrieval.versions.models import IndexVersion
from tests.index.conftest import Service, ids
from tests.versions.asking import Asking
from tests.versions.conftest import Receive, serves, settle, text_about
from tests.waiting import wait_until

lite = pytest.importorskip("milvus_lite.server_manager")
pymilvus = pytest.importorskip("pymilvus")


@pytest.fixture
def milvus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[str]:
    """The address of a server that speaks as Milvus does, known to every process."""
    logging.getLogger("milvus_lite").setLevel(logging.ERROR)
    servers = lite.ServerManager()
    address = servers.start_and_get_uri(str(tmp_path / "milvus.db"))
    monkeypatch.setenv("RETRIEVAL_MILVUS_URL", address)
    settings.RETRIEVAL = dataclasses.replace(settings.RETRIEVAL, milvus_url=address)
    yield address
    servers.release_all()


@pytest.fixture
def service(milvus: str, tmp_path: Path, transactional_db: None) -> Iterator[Service]:
    service = Service(tmp_path)
    service.start()
    yield service
    if service.process is not None:
        service.stop()


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("reindex", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def held(address: str) -> int:
    """Vectors on the server."""
    client = pymilvus.MilvusClient(uri=address)
    try:
        collections = client.list_collections()
        counted = [client.query(name, filter="", output_fields=["count(*)"]) for name in collections]
        return sum(int(rows[0]["count(*)"]) for rows in counted)
    finally:
        client.close()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_reindex_moves_the_vectors_to_a_milvus_server_and_back(
    milvus: str, library: list[Document], service: Service, asking: Asking, receive: Receive
) -> None:
    before = IndexVersion.objects.get()
    asking.start(1)
    assert "building" in said("--kind", "milvus", "--no-wait")
    shown = said("--status")
    version = IndexVersion.objects.latest("pk")
    assert f"{version.pk}" in shown and "milvus" in shown and "serving" in shown, shown
    settle(lambda: serves(version))
    wait_until(lambda: service.client.status().version == version.pk)
    asking.stop()
    asking.assert_each_came_from_one_version()
    assert version.report["index"]["kind"] == "milvus" and held(milvus) == version.report["passages"]

    fresh = receive("bicycles.md", text_about(3).replace("parking", "bicycles"))
    settle(lambda: Document.objects.get(pk=fresh.pk).status == "ready")
    gone = ids(library[0])
    delete_document(document=library[0], by=None)
    service.caught_up()
    assert set(service.found("What is the rule on bicycles?", fresh.collection)) & ids(fresh)
    assert not gone & set(service.found("What is the rule on leave?", fresh.collection, k=50))
    expected = version.report["passages"] + len(ids(fresh)) - len(gone)
    assert service.client.status().passages == held(milvus) == expected

    service.stop()
    service.start()
    assert service.client.status().version == version.pk and service.client.status().passages == expected
    assert set(service.found("What is the rule on bicycles?", fresh.collection)) & ids(fresh)

    said("--rollback", "--no-wait")
    settle(lambda: serves(before))
    wait_until(lambda: service.client.status().version == before.pk)
    assert set(service.found("What is the rule on bicycles?", fresh.collection)) & ids(fresh)
