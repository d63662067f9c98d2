"""Kill -9 of a real worker in the middle of each stage: no passage is missing or doubled, and nothing hangs."""

from __future__ import annotations

import signal
import time
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from django.utils import timezone

from retrieval import tasks
from retrieval.indexed_text import indexed_text
from retrieval.models import Document, IndexChange, PassageVector
from retrieval.pipeline import claims, embedding_line, leases, stops
from tests.ingestion.conftest import Receive
from tests.ingestion.fake_index import DIMENSION, FakeIndex, vector_of
from tests.ingestion.worker import Worker
from tests.waiting import wait_until

Status = Document.Status


def text_of(number: int, paragraphs: int = 12) -> bytes:
    parts = [
        f"Paragraph {part} of note {number}. " + f"Words about matter {number}.{part}. " * 30
        for part in range(paragraphs)
    ]
    return "\n\n".join(parts).encode()


def test_a_document_goes_from_received_to_ready(worker: Worker, receive: Receive) -> None:
    document = receive(b"# Leave\n\nEveryone has 28 days of leave.", "leave.md")
    settle(document)
    document.refresh_from_db()
    assert document.status == Status.READY, document.error
    assert_whole(document)
    assert "28 days" in document.passages.get().text


def test_kill_while_parsing_leaves_nothing_missing(worker: Worker, receive: Receive) -> None:
    documents = [receive(text_of(number)) for number in range(6)]
    wait_until(lambda: Document.objects.filter(status=Status.PARSING).exists(), every_s=0.002)
    worker.kill()
    worker.start()
    settle(*documents)
    for document in documents:
        document.refresh_from_db()
        assert document.status == Status.READY
        assert_whole(document)


def test_kill_while_embedding_leaves_nothing_missing(worker: Worker, receive: Receive, index: FakeIndex) -> None:
    index.delay_s = 1.0
    documents = [receive(text_of(number)) for number in range(4)]
    assert index.entered.wait(30)
    worker.kill()
    index.delay_s = 0.0
    worker.start()
    settle(*documents)
    for document in documents:
        document.refresh_from_db()
        assert document.status == Status.READY
        assert_whole(document)


def test_three_kills_at_any_moment_leave_nothing_missing(worker: Worker, receive: Receive, index: FakeIndex) -> None:
    index.delay_s = 0.05
    documents = [receive(text_of(number, paragraphs=4)) for number in range(25)]
    for already in (2, 8, 14):
        wait_until(lambda least=already: swept() and ready() >= least)  # type: ignore[misc]
        worker.kill()
        worker.start()
    settle(*documents)
    assert Document.objects.filter(status=Status.READY).count() == 25
    for document in Document.objects.all():
        assert_whole(document)


def test_kill_while_receiving_a_document_that_fails_ends_as_failed(worker: Worker, receive: Receive) -> None:
    document = receive(b"\x00\x01\x02 not a portable document", "report.pdf")
    worker.kill()
    worker.start()
    settle(document)
    document.refresh_from_db()
    assert document.status == Status.FAILED
    assert document.error
    assert not document.passages.exists()


def test_an_index_service_that_is_away_costs_no_attempts(worker: Worker, receive: Receive, index: FakeIndex) -> None:
    index.stop()
    document = receive(b"The office opens at nine.")
    wait_until(
        lambda: Document.objects.filter(status=Status.EMBEDDING, lease_until__isnull=False, lease_token=None).exists()
    )
    document.refresh_from_db()
    assert document.attempts == 0
    index.start()
    settle(document)
    document.refresh_from_db()
    assert document.status == Status.READY
    assert_whole(document)


def test_an_index_service_that_always_fails_ends_as_failed(worker: Worker, receive: Receive, index: FakeIndex) -> None:
    index.failing = True
    document = receive(b"The office opens at nine.")
    for _ in range(40):
        Document.objects.filter(lease_token=None).update(lease_until=timezone.now() - timedelta(seconds=1))
        tasks.sweep()
        time.sleep(0.5)
        document.refresh_from_db()
        if document.status == Status.FAILED:
            break
    assert document.status == Status.FAILED
    assert document.error == tasks.GAVE_UP


def test_clean_stops_cost_no_attempts_and_embedding_goes_on_where_it_was(
    worker: Worker, receive: Receive, index: FakeIndex
) -> None:
    index.delay_s = 0.5
    document = receive(text_of(1, paragraphs=220))
    for batches in (1, 2):
        wait_until(lambda least=batches: PassageVector.objects.count() >= least * embedding_line.BATCH)  # type: ignore[misc]
        worker.stop()
        document.refresh_from_db()
        assert (document.status, document.attempts, document.lease_token) == (Status.EMBEDDING, 0, None)
        worker.start()
        tasks.sweep()
    index.delay_s = 0.0
    settle(document)
    document.refresh_from_db()
    assert document.status == Status.READY
    assert_whole(document)
    assert document.passage_count > 3 * embedding_line.BATCH, "the stops are in the middle"
    lost = 2 * embedding_line.AHEAD * embedding_line.BATCH
    assert len(index.embedded) <= document.passage_count + lost, "what is under way at each of two stops, at most"


def test_a_clean_stop_while_parsing_costs_no_attempt(worker: Worker, receive: Receive) -> None:
    document = receive(text_of(1, paragraphs=2000))
    wait_until(lambda: Document.objects.filter(status=Status.PARSING).exists(), every_s=0.002)
    worker.stop()
    document.refresh_from_db()
    assert (document.status, document.attempts, document.lease_token) == (Status.PARSING, 0, None)


def test_a_stop_that_falls_into_the_claim_costs_no_attempt(receive: Receive, monkeypatch: pytest.MonkeyPatch) -> None:
    """The claim is in the database, and its lease is not yet in the worker's hands."""
    document = receive(b"The office opens at nine.")
    claim = claims.next_to_parse

    def told_to_stop_meanwhile(size: int) -> leases.Lease | None:
        lease = claim(size)
        signal.raise_signal(signal.SIGTERM)
        return lease

    monkeypatch.setattr(claims, "next_to_parse", told_to_stop_meanwhile)
    monkeypatch.setattr(stops, "current_process", lambda: SimpleNamespace(name="ForkPoolWorker-1"))
    before = signal.signal(signal.SIGTERM, lambda *_: pytest.fail("nobody caught it"))
    try:
        with pytest.raises(stops.WorkerStops):
            tasks.parse_owed()
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    document.refresh_from_db()
    assert (document.status, document.attempts, document.lease_token) == (Status.PARSING, 0, None)


def test_kills_between_batches_of_a_long_document_never_make_it_fail(
    worker: Worker, receive: Receive, index: FakeIndex
) -> None:
    index.delay_s = 0.3
    document = receive(text_of(1, paragraphs=1500))
    stored = 0
    for _ in range(3):
        # More than at the last kill: a kill without progress in between is an attempt, and rightly counted.
        enough = stored + embedding_line.BATCH
        wait_until(lambda enough=enough: swept() and PassageVector.objects.count() >= enough, 60, every_s=0.3)  # type: ignore[misc]
        worker.kill()
        document.refresh_from_db()
        assert document.status == Status.EMBEDDING, "the kills are in the middle"
        assert document.attempts <= 1, "what made progress is not counted"
        stored = PassageVector.objects.count()
        Document.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        worker.start()
        tasks.sweep()
    index.delay_s = 0.0
    settle(document)
    document.refresh_from_db()
    assert document.status == Status.READY
    assert_whole(document)


def swept() -> bool:
    """As beat does it: a worker that dies takes its messages along."""
    tasks.sweep()
    return True


def ready() -> int:
    return Document.objects.filter(status=Status.READY).count()


def settle(*documents: Document, timeout_s: float = 60.0) -> None:
    """Sweeps as beat does, without its waits, until every document has ended."""

    def ended() -> bool:
        tasks.sweep()
        time.sleep(0.3)
        return (
            not Document.objects.filter(pk__in=[d.pk for d in documents])
            .exclude(status__in=["ready", "failed"])
            .exists()
        )

    wait_until(ended, timeout_s)


def assert_whole(document: Document) -> None:
    """One passage at each place, one vector for each passage, the right one; one word to the index services."""
    passages = list(document.passages.order_by("ordinal"))
    assert [passage.ordinal for passage in passages] == list(range(document.passage_count)) != []
    vectors = PassageVector.objects.filter(passage__document=document)
    assert sorted(vectors.values_list("passage_id", flat=True)) == sorted(passage.pk for passage in passages)
    for passage in passages:
        stored = np.frombuffer(bytes(passage.vectors.get().vector), dtype="<f2")
        assert stored.shape == (DIMENSION,)
        text = indexed_text(document.name, document.title, passage.heading, passage.text)
        np.testing.assert_allclose(stored, vector_of(text), atol=2e-3)
    assert IndexChange.objects.filter(document_id=document.pk, kind="add").count() == 1
