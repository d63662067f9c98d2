"""A collection is deleted while its documents are on their way: no row and no file stays behind, and no task fails."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from retrieval.models import Collection, Document, IndexChange, Passage
from retrieval.parsing import sandbox
from retrieval.pipeline import claims, ingestion, leases
from tests.ingestion.conftest import Receive
from tests.ingestion.fake_index import FakeIndex
from tests.ingestion.stages import embed_one, parse_one


@pytest.fixture(autouse=True)
def own_files(configured: Any, tmp_path: Path) -> None:
    configured.RETRIEVAL = dataclasses.replace(configured.RETRIEVAL, files_dir=tmp_path / "files")


def test_a_document_whose_collection_goes_while_it_is_uploaded_is_refused_with_a_sentence(
    configured: Any, collection: Collection
) -> None:
    class Upload(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() == 0:
                ingestion.delete_collection(collection=collection, by=None)
            return super().read(size)

    with pytest.raises(ingestion.CollectionGone) as caught:
        ingestion.receive_document(collection=collection, name="x", content=Upload(b"late"), by=None)
    assert caught.value.http_status == 404 and "deleted" in caught.value.user_message
    assert nothing_is_left(configured)


def test_a_document_that_arrives_while_the_others_are_deleted_goes_too(
    receive: Receive, collection: Collection, configured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive(b"first")
    deleted = ingestion.delete_document

    def delete(**given: Any) -> None:
        deleted(**given)
        receive(b"second")

    monkeypatch.setattr(ingestion, "delete_document", delete)
    ingestion.delete_collection(collection=collection, by=None)
    assert nothing_is_left(configured)
    assert IndexChange.objects.filter(kind="remove").count() == 2


def test_uploads_at_every_moment_of_the_deletion_leave_nothing(configured: Any, collection: Collection) -> None:
    odd: list[Exception] = []
    together = threading.Barrier(5)

    def upload(uploader: int) -> None:
        try:
            together.wait(10)
            for number in range(40):
                content = BytesIO(f"{uploader} {number % 7}".encode())
                ingestion.receive_document(collection=collection, name="x", content=content, by=None)
        except ingestion.CollectionGone:
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            odd.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    together.wait(10)
    ingestion.delete_collection(collection=collection, by=None)
    for thread in threads:
        thread.join(30)
    assert not odd
    assert nothing_is_left(configured)


def test_a_document_in_the_midst_of_embedding_goes_with_its_collection(
    receive: Receive, collection: Collection, configured: Any, index: FakeIndex, caplog: pytest.LogCaptureFixture
) -> None:
    receive(b"The office opens at nine.")
    parse_one()
    index.delay_s = 1.0
    running = in_thread(embed_one)
    assert index.entered.wait(10)
    ingestion.delete_collection(collection=collection, by=None)
    running.join(30)
    assert nothing_is_left(configured) and not faults(caplog)


def test_a_document_that_goes_at_the_start_of_its_parsing_is_no_fault(
    receive: Receive, collection: Collection, configured: Any, caplog: pytest.LogCaptureFixture, monkeypatch: Any
) -> None:
    claim = claims.next_to_parse

    def claimed() -> leases.Lease | None:
        lease = claim()
        ingestion.delete_collection(collection=collection, by=None)
        return lease

    monkeypatch.setattr(claims, "next_to_parse", claimed)
    receive(b"The office opens at nine.")
    parse_one()
    assert nothing_is_left(configured) and not faults(caplog)


@pytest.mark.parametrize("moment", ["before its size is asked", "before it is opened"])
def test_a_document_that_goes_before_its_file_is_opened_is_no_fault(
    receive: Receive,
    collection: Collection,
    configured: Any,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: Any,
    moment: str,
) -> None:
    check_size = sandbox.check_size

    def checked(*given: Any) -> None:
        if moment == "before its size is asked":
            ingestion.delete_collection(collection=collection, by=None)
        check_size(*given)
        if moment == "before it is opened":
            ingestion.delete_collection(collection=collection, by=None)

    monkeypatch.setattr(sandbox, "check_size", checked)
    receive(b"The office opens at nine.")
    parse_one()
    assert nothing_is_left(configured) and not faults(caplog)


def in_thread(body: Callable[[], None]) -> threading.Thread:
    def run() -> None:
        try:
            body()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def nothing_is_left(configured: Any) -> bool:
    rows = [*Collection.objects.all(), *Document.objects.all(), *Passage.objects.all()]
    files = [path for path in configured.RETRIEVAL.files_dir.rglob("*") if path.is_file()]
    assert not rows and not files
    return True


def faults(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]
