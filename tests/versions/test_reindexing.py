"""A version is built beside the one that serves and put in its place, while people ask."""

from __future__ import annotations

import random
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from retrieval.embedders.model_folders import PACKAGED_MODEL
from retrieval.models import Document, PassageVector
from retrieval.versions import services
from retrieval.versions.models import IndexedDocument, IndexVersion
from tests.index.conftest import Service
from tests.ingestion.worker import LEASE_S, Worker
from tests.versions.asking import Asking
from tests.versions.conftest import Receive, serves, settle, text_about

Status = IndexVersion.Status


def test_questions_are_answered_throughout_by_one_version_each(
    library: list[Document], asking: Asking, other_model: str
) -> None:
    before = IndexVersion.objects.get(status=Status.SERVING)
    asking.start()
    version = services.request_version(model=other_model)
    settle(lambda: serves(version))
    time.sleep(0.3)
    asking.stop()
    asking.assert_each_came_from_one_version()
    assert asking.versions() == [[before.pk, version.pk]] * 2
    assert_whole(version)
    before.refresh_from_db()
    assert before.status == Status.RETIRED


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_build_ends_right_however_often_its_worker_is_killed(
    library: list[Document], asking: Asking, worker: Worker, other_model: str, receive: Receive, kills: int
) -> None:
    """At random moments of its work, with a model that takes long."""
    quick = services.request_version(model=other_model)
    settle(lambda: serves(quick))
    more = [receive(f"more {n}.md", text_about(n, paragraphs=10 * kills)) for n in range(100, 106)]
    settle(lambda: Document.objects.filter(status="ready").count() == len(library) + len(more), 240)
    moments, killed = random.Random(kills), []
    asking.start()
    IndexVersion.objects.filter(status=Status.RETIRED).delete()  # with it, what could be used again
    PassageVector.objects.exclude(model=other_model).delete()
    version = services.request_version(model=PACKAGED_MODEL)
    for _ in range(kills):
        settle(lambda: is_worked_on(version) or serves(version), 120)
        time.sleep(moments.uniform(0.0, 1.2))
        version.refresh_from_db()
        killed.append(version.status)
        worker.kill()
        worker.start()
    settle(lambda: serves(version), 240)
    asking.stop()
    assert killed[:3] == [Status.BUILDING] * 3, killed  # otherwise nothing was shown
    print(f"killed while {killed}; {len(asking.answers)} questions, the slowest took {asking.slowest_s:.2f} s")
    asking.assert_each_came_from_one_version()
    assert_whole(version)


def is_worked_on(version: IndexVersion) -> bool:
    """By a living worker: the lease of a dead one has ended."""
    version.refresh_from_db()
    return version.lease_until is not None and version.lease_until > timezone.now() + timedelta(seconds=LEASE_S / 2)


def assert_whole(version: IndexVersion) -> None:
    """Every ready document has its place, and each of its passages exactly one vector of the version's model."""
    ready = set(Document.objects.filter(status="ready").values_list("pk", flat=True))
    places = {place.document_id: place for place in IndexedDocument.objects.filter(version=version)}
    assert set(places) == ready
    for place in places.values():
        vectors = PassageVector.objects.filter(
            passage__document=place.document_id, passage__cut=place.cut, model=version.embedding_model
        )
        assert not place.error and vectors.count() == place.passages > 0


def found_by(service: Service, question: str, document: Document) -> bool:
    passages = set(document.passages.values_list("pk", flat=True))
    return bool(passages & set(service.found(question, document.collection)))
