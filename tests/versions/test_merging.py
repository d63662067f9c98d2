"""A version that serves takes in what comes and goes: its files are built anew by themselves, beside the searches."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import transaction

from retrieval.index.vectors.manifest import NAME
from retrieval.index.vectors.served import folder_of
from retrieval.indexed_text import indexed_text
from retrieval.models import Collection, Document
from retrieval.pipeline.ingestion import delete_document
from retrieval.versions import structures
from retrieval.versions.current import serving_for_writing
from retrieval.versions.members import take_places
from retrieval.versions.models import IndexVersion
from tests.index.conftest import Service, ids, store
from tests.versions.asking import Asking
from tests.waiting import wait_until

EACH = 20  # passages of a document
AS_IT_IS = [sys.executable, "manage.py", "serve_index"]
# The index service as it is, but for what it calls many and long.
MERGES_SOON = """
import sys
from retrieval.index.vectors import composite, served
composite._LEAST_DELTA, composite._SHARE = 10, 0.04  # one document is enough, coming or going
served._QUIET_S, served._LOOK_S = 0.3, 0.1
from manage import main
sys.argv = ["manage.py", "serve_index"]
main()
"""


@pytest.fixture
def version(transactional_db: None) -> IndexVersion:
    """The first one, of inverted lists."""
    with transaction.atomic():
        made = serving_for_writing()
        made.kind = "ivf"
        made.save()
    return made


@pytest.fixture
def merging(version: IndexVersion, tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    service.command = [sys.executable, "-c", MERGES_SOON]
    service.start()
    yield service
    if service.process is not None:
        service.stop()


def test_a_version_merges_what_came_and_went_by_itself_and_a_restart_opens_it(
    merging: Service, version: IndexVersion, collection: Collection
) -> None:
    first = [publish(merging, collection, number) for number in range(8)]
    wait_until(lambda: built(version) == [8 * EACH])
    asking = Asking(merging, collection, [question(number) for number in (0, 1, 5, 6)])
    asking.start()
    more = [publish(merging, collection, number) for number in range(8, 12)]
    for document in first[:2]:
        delete_document(document=document, by=None)
    merging.caught_up()
    wait_until(lambda: built(version) == [10 * EACH])
    asking.stop()
    assert not asking.failed and len(asking.answers) > 20 and all(hits for _, hits in asking.answers)
    assert_found(merging, collection, [*first[2:], *more])
    assert merging.client.status().version == version.pk

    merging.stop(signal.SIGKILL)
    left = built(version)  # by the last merge, which may have begun before the last change
    merging.command = AS_IT_IS  # without a merge so soon
    delete_document(document=first[2], by=None)  # the files still have it
    merging.start()
    assert str(folder(version)) in Path(f"/proc/{merging.process.pid}/maps").read_text()  # type: ignore[union-attr]
    assert built(version) == left
    assert_found(merging, collection, [*first[3:], *more])


def publish(service: Service, collection: Collection, number: int) -> Document:
    """As ingestion does: ready, with its place in the serving version."""
    name = f"rules {number}.txt"
    passages = [f"Rule {part} of subject{number}: it is decided by office {part}." for part in range(EACH)]
    vectors = service.client.embed([indexed_text(name, "", "", text) for text in passages], bulk=True)
    with transaction.atomic():
        document = store(collection, name, passages, vectors)
        assert take_places([document.pk], model=service.config.embedding_model)
    return document


def question(number: int) -> str:
    return f"Who decides on subject{number}?"


def assert_found(service: Service, collection: Collection, documents: list[Document]) -> None:
    """Every passage of theirs, and none of others."""
    service.caught_up()
    assert service.client.status().passages == len(documents) * EACH
    found = service.found("rule decided by the office", collection, k=100)
    for document in documents:
        number = int(document.name.split()[1].split(".")[0])
        assert set(service.found(question(number), collection)[:5]) <= ids(document)
        found += service.found(question(number), collection, k=100)
    assert set(found) == {passage for document in documents for passage in ids(document)}


def folder(version: IndexVersion) -> Path:
    return folder_of(structures.indexes_dir(), version.pk, version.embedding_model)


def built(version: IndexVersion) -> list[int]:
    """Vectors of each index in files that is complete."""
    return [int(json.loads(path.read_text())["count"]) for path in folder(version).glob(f"*/{NAME}")]
