"""Many documents at once go through without a hand: some broken, some twice, and the worker dies on the way."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from retrieval.models import Collection, Document, IndexChange, Passage
from retrieval.pipeline.ingestion import receive_document
from tests.ingestion.fake_index import FakeIndex
from tests.ingestion.test_kill import ready, settle, swept
from tests.ingestion.worker import Worker
from tests.waiting import wait_until

Status = Document.Status


@pytest.mark.parametrize("number", [90, pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.timeout(3000)])])
def test_every_document_ends_once_whatever_becomes_of_the_worker(
    number: int, configured: Any, boss: Any, index: FakeIndex, tmp_path: Path
) -> None:
    collections = [Collection.objects.create(name=name) for name in ("Handbook", "Projects", "Minutes")]
    worker = Worker(index.url, "", tmp_path / "worker.log")
    worker.start()
    try:
        received = [hand_in(place, collections) for place in range(number)]
        for share in (0.3, 0.7):
            wait_until(lambda least=share * number: swept() and ready() >= least, 60 + number / 5)  # type: ignore[misc]
            worker.kill()
            worker.start()
        settle(*Document.objects.all(), timeout_s=60 + number / 5)
    finally:
        worker.kill()
    broken = Document.objects.filter(status=Status.FAILED)
    assert received.count("duplicate") == number // 10
    assert broken.count() == len([place for place in range(number) if is_broken(place)])
    assert {one.name for one in broken} == {"broken.pdf"}
    assert ready() + broken.count() + received.count("duplicate") == number
    assert not Passage.objects.filter(vectors=None).exists()
    assert IndexChange.objects.filter(kind="add").count() == ready(), "one word for each"
    messages = Path(configured.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_in"])
    assert len(list(messages.iterdir())) < 100


def is_broken(place: int) -> bool:
    return place % 10 == 3


def hand_in(place: int, collections: list[Collection]) -> str:
    if place % 10 == 9:  # the same as the one before, in the same collection
        place -= 1
    collection = collections[min(2, place % 7)]
    name = "broken.pdf" if is_broken(place) else f"note {place}.txt"
    content = b"%PDF-1.7 " if is_broken(place) else b""
    content += f"Note {place} on leave and travel. ".encode() * (1 + place % 30)
    return receive_document(collection=collection, name=name, content=BytesIO(content), by=None).outcome
