"""What a builder finds out before a version serves. The builder runs in this process, so that each step can be seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from retrieval.models import Collection, Document, PassageVector
from retrieval.versions import building, promotion, services
from retrieval.versions.current import serving, serving_for_writing
from retrieval.versions.models import IndexedDocument, IndexServiceState, IndexVersion
from tests.index.conftest import Service, ids, publish
from tests.ingestion.worker import Worker
from tests.versions.test_reindexing import assert_whole
from tests.waiting import wait_until

__all__ = ["publish"]
Status = IndexVersion.Status


def test_the_first_version_is_what_was_there_before_there_were_versions(
    service: Service, collection: Collection, publish: Callable[[Collection, str, Sequence[str]], Document]
) -> None:
    leave = publish(collection, "leave.txt", ["Everyone has 28 days of leave."])
    unfinished = publish(collection, "travel.txt", ["Trains are booked in second class."])
    PassageVector.objects.filter(passage__document=unfinished).delete()
    service.caught_up()
    assert service.client.status().version == 0 and serving().id is None
    loads = service.log.read_text().count('"index.loaded"')
    with transaction.atomic():
        first = serving_for_writing()
    wait_until(lambda: service.client.status().version == first.pk, 10)
    assert set(service.found("leave", collection)) == ids(leave)
    assert service.log.read_text().count('"index.loaded"') == loads  # nothing was loaded again
    assert set(IndexedDocument.objects.values_list("document", flat=True)) == {leave.pk}
    assert first.catch_up  # a builder takes the other one in


def test_vectors_that_went_missing_or_broke_are_made_again(
    library: list[Document], worker: Worker, other_model: str
) -> None:
    worker.kill()
    version = services.request_version(model=other_model, promote=False)
    turn(version)
    vectors = PassageVector.objects.filter(model=other_model)
    assert version.status == Status.READY and vectors.count() == version.report["passages"]
    one, another = vectors.order_by("pk")[:2]
    one.delete()
    PassageVector.objects.filter(pk=another.pk).update(vector=b"\x00" * 10)
    IndexVersion.objects.filter(pk=version.pk).update(status=Status.CHECKING)
    turn(version)
    assert (version.status, version.report["repairs"]) == (Status.READY, 1)
    assert_whole(version)
    assert all(len(bytes(vector)) == 2 * version.dimension for vector in vectors.values_list("vector", flat=True))


def test_a_version_waits_so_long_for_an_index_service_that_does_not_load_it(
    library: list[Document], worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.kill()
    before = IndexVersion.objects.get(status=Status.SERVING)
    IndexServiceState.objects.create(name="north", seen_at=timezone.now(), problem="It has no room.")
    version = services.request_version()
    with monkeypatch.context() as short:
        short.setattr(promotion, "WAITS", timedelta(seconds=0.5))
        turn(version)
    assert (version.status, version.promote, version.error_code) == (Status.READY, False, "version_not_loaded")
    assert "It has no room." in version.error and serving().id == before.pk
    IndexServiceState.objects.filter(name="north").delete()
    services.promote_version(version.pk)
    wait_until(lambda: served_after_a_turn(version), 30)  # the real service may be a moment behind


def served_after_a_turn(version: IndexVersion) -> bool:
    turn(version)
    assert version.promote or version.status == Status.SERVING, version.error
    return serving().id == version.pk


def turn(version: IndexVersion) -> None:
    IndexVersion.objects.filter(pk=version.pk, lease_token=None).update(lease_until=None)  # its short rest is over
    while building.take_turn(version.pk):
        pass
    version.refresh_from_db()
