"""Whose turn it is: collections share the stages, whatever waits in each; and nobody takes another stage's places."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone

from retrieval import tasks
from retrieval.models import Collection, Document, Passage
from retrieval.pipeline import claims, embedding_line, leases
from tests.ingestion.conftest import Receive
from tests.ingestion.fake_index import FakeIndex

Status = Document.Status
_FILL = """
INSERT INTO retrieval_document (id, collection_id, name, path, title, media_type, size, sha256, restricted, by_hand,
    status, error_code, error, warnings, passage_count, seconds, attempts, queued_at, created_at)
SELECT gen_random_uuid(), %s, 'note ' || n, '', '', '', 1, lpad(n::text, 64, '0'), false, true, %s,
    '', '', '[]', 1, 0, 0, now() - make_interval(secs => 100000 - n), now()
  FROM generate_series(1, %s) n
"""


def fill(collection: Collection, number: int, status: Status = Status.RECEIVED) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_FILL, [collection.pk, status.value, number])


@pytest.fixture
def full(configured: Any, collection: Collection) -> Collection:
    fill(collection, 300)
    return collection


def add(collection: Collection, name: str, **fields: Any) -> Document:
    values = {"size": 1, "sha256": uuid.uuid4().hex * 2, "queued_at": timezone.now(), **fields}
    return Document.objects.create(collection=collection, name=name, **values)


def taken() -> str:
    lease = claims.next_to_parse()
    assert lease is not None
    return Document.objects.get(pk=lease.document_id).collection.name


def test_one_upload_does_not_wait_behind_hundreds_of_another_collection(full: Collection) -> None:
    assert [taken() for _ in range(3)] == ["Handbook"] * 3
    add(Collection.objects.create(name="Other"), "urgent.txt")
    assert taken() == "Other"
    assert [taken() for _ in range(3)] == ["Handbook"] * 3


def test_collections_take_turns_and_in_each_the_oldest_is_first(full: Collection) -> None:
    others = [Collection.objects.create(name=name) for name in ("A", "B")]
    for other in others:
        fill(other, 5)
    assert sorted(taken() for _ in range(3)) == ["A", "B", "Handbook"]
    assert sorted(taken() for _ in range(3)) == ["A", "B", "Handbook"]
    names = Document.objects.filter(status=Status.PARSING, collection=others[0]).values_list("name", flat=True)
    assert sorted(names) == ["note 1", "note 2"]


@pytest.fixture
def chats(full: Collection) -> list[Collection]:
    """What was attached to conversations, in fifty of which a file waits."""
    made = [Collection(name=f"attached to {number}", attached=True) for number in range(50)]
    for one in Collection.with_attached.bulk_create(made):
        fill(one, 2)
    return made


def test_what_was_attached_takes_turns_with_a_collection_as_one(full: Collection, chats: list[Collection]) -> None:
    names = [taken() for _ in range(20)]
    assert names.count("Handbook") == 10 and len(set(names)) == 11  # and each chat has its turn among the chats


def test_a_batch_is_shared_with_what_was_attached_as_with_one(full: Collection, chats: list[Collection]) -> None:
    Document.objects.update(status=Status.EMBEDDING)
    turns, token = claims.EmbeddingTurns(), uuid.uuid4()
    batch = turns.take(64, token)
    assert sum(one.collection_id == full.pk for one in batch) == 32 and len(batch) == 64
    again = turns.take(64, token)
    assert not {one.collection_id for one in again} & {one.collection_id for one in batch} - {full.pk}


@pytest.mark.parametrize("status", [Status.RECEIVED, Status.EMBEDDING])
def test_chats_whose_files_are_read_cost_a_claim_nothing(full: Collection, status: Status) -> None:
    made = [Collection(name=f"attached to {number}", attached=True) for number in range(3000)]
    Collection.with_attached.bulk_create(made)
    ready = [
        Document(collection=one, name="a.txt", size=1, sha256="0" * 64, status=Status.READY, ready_at=timezone.now())
        for one in made
    ]
    Document.objects.bulk_create(ready)
    Document.objects.filter(collection=full).update(status=status)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE retrieval_collection, retrieval_document")
        values = claims._values(status, working=status)
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {claims._COLLECTIONS}", values)
        ((plan,),) = cursor.fetchall()
    assert rows_read(plan[0]["Plan"]) < 500


def rows_read(plan: dict[str, Any]) -> int:
    """By all of its parts together."""
    own = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    return int(own + sum(rows_read(part) for part in plan.get("Plans", ())))


def test_two_workers_never_take_the_same_document(full: Collection) -> None:
    found = [claims.next_to_parse() for _ in range(50)]
    assert len({lease.document_id for lease in found if lease}) == 50


def test_a_batch_is_shared_by_the_collections_that_wait(configured: Any, collection: Collection) -> None:
    others = [Collection.objects.create(name=name) for name in ("A", "B")]
    for one in (collection, *others):
        fill(one, 200, Status.EMBEDDING)
    turns, token = claims.EmbeddingTurns(), uuid.uuid4()
    batch = turns.take(64, token)
    shares = [sum(one.collection_id == each.pk for one in batch) for each in (collection, *others)]
    assert sum(shares) == 64 and min(shares) >= 20


def test_more_collections_than_a_batch_holds_all_have_their_turn(configured: Any, boss: Any) -> None:
    for number in range(20):
        fill(Collection.objects.create(name=f"C{number}"), 20, Status.EMBEDDING)
    turns, token = claims.EmbeddingTurns(), uuid.uuid4()
    served = [one.collection_id for _ in range(3) for one in turns.take(64, token)]
    assert len(set(served)) == 20


def test_a_claim_waits_for_nobody_who_deletes_the_collection(full: Collection) -> None:
    import threading

    from django.db import connections, transaction

    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                Collection.objects.select_for_update().get(pk=full.pk)
                held.set()
                done.wait(10)
        finally:
            connections.close_all()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    begun = time.monotonic()
    assert claims.next_to_parse() is not None
    assert time.monotonic() - begun < 2.0
    done.set()
    thread.join(10)


@pytest.mark.slow
def test_a_claim_is_quick_with_a_hundred_thousand_documents_that_wait(configured: Any, collection: Collection) -> None:
    fill(collection, 100_000)
    add(Collection.objects.create(name="Other"), "one.txt")
    seconds = []
    for _ in range(50):
        begun = time.monotonic()
        assert claims.next_to_parse() is not None
        seconds.append(time.monotonic() - begun)
    assert sorted(seconds)[25] < 0.02, "half of them within 20 ms"


def test_small_documents_share_a_request_and_a_long_one_leaves_them_room(
    receive: Receive, index: FakeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests: list[int] = []
    answer = index.answer

    def counted(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if path == "/embed":
            requests.append(len(body["texts"]))
        return answer(path, body)

    monkeypatch.setattr(index, "answer", counted)
    long = receive(b"\n\n".join(b"# Part %d\n\n%s" % (part, b"Words. " * 90) for part in range(150)), "long.md")
    small = [receive(b"The office %d opens at nine." % number) for number in range(40)]
    tasks.parse_owed()
    tasks.embed_owed()
    assert Document.objects.filter(status=Status.READY).count() == 41
    assert len(requests) <= 5 and max(requests) <= embedding_line.BATCH
    long.refresh_from_db()
    assert not Document.objects.filter(pk__in=[one.pk for one in small], ready_at__gte=long.ready_at).exists()


def test_the_next_batch_is_there_before_the_embedder_has_done_one(
    receive: Receive, index: FakeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding_line, "BATCH", 4)
    at_once: list[int] = []
    here, lock, answer = [0], threading.Lock(), index.answer

    def counted(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        with lock:
            here[0] += 1
        time.sleep(0.3)
        with lock:
            at_once.append(here[0])
            here[0] -= 1
        return answer(path, body)

    monkeypatch.setattr(index, "answer", counted)
    for number in range(12):
        receive(f"Note {number} on leave.".encode(), f"{number}.txt")
    tasks.parse_owed()
    tasks.embed_owed()
    assert Document.objects.filter(status=Status.READY).count() == 12
    assert max(at_once) == 2, "never none to compute, and never many that wait in it"


def test_one_document_that_cannot_be_embedded_takes_no_other_along(
    receive: Receive, index: FakeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = index.answer

    def fails_at_poison(path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return (500, {}) if path == "/embed" and "poison" in str(body) else answer(path, body)

    monkeypatch.setattr(index, "answer", fails_at_poison)
    good = [receive(b"The office %d opens at nine." % number) for number in range(12)]
    bad = receive(b"This is poison.")
    tasks.parse_owed()
    for _ in range(leases.MAX_ATTEMPTS):
        tasks.embed_owed()
        Document.objects.filter(pk=bad.pk).update(lease_until=None)
    tasks.sweep()
    bad.refresh_from_db()
    assert (bad.status, bad.error_code) == (Status.FAILED, "gave_up")
    assert Document.objects.filter(pk__in=[one.pk for one in good], status=Status.READY).count() == 12
    assert Passage.objects.filter(document__in=good).count() == 12


def test_an_index_service_that_is_away_ends_the_turn_and_costs_no_attempt(receive: Receive, index: FakeIndex) -> None:
    documents = [receive(b"The office %d opens at nine." % number) for number in range(5)]
    tasks.parse_owed()
    index.stop()
    begun = time.monotonic()
    tasks.embed_owed()
    assert time.monotonic() - begun < 20
    rows = Document.objects.filter(pk__in=[one.pk for one in documents])
    assert {(one.status, one.attempts, one.lease_token) for one in rows} == {(Status.EMBEDDING, 0, None)}
    assert all(one.lease_until > timezone.now() for one in rows if one.lease_until)


_SEATS = """
import os, sys, time
import django
django.setup()
from retrieval.pipeline import seats
seats.prepare()
children = []
for _ in range(3):
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        with seats.seat("build") as found:
            os.write(writing, b"%d" % found)
            time.sleep(60 if found else 0)
        os._exit(0)
    children.append((child, os.read(reading, 1)))
print([told.decode() for _, told in children])
os.kill(next(child for child, told in children if told == b"1"), 9)
time.sleep(0.2)
with seats.seat("build") as found, seats.seat("parse") as other:
    print(found, other)
    with seats.seat("parse") as second, seats.seat("embed") as third:
        print(second, third)
"""


def test_a_seat_is_one_processs_and_free_again_when_it_dies() -> None:
    environment = {"DJANGO_SETTINGS_MODULE": "chatapp.settings", "CHATAPP_VAR_DIR": str(django_settings.VAR_DIR)}
    import os

    done = subprocess.run(
        [sys.executable, "-c", _SEATS], env={**os.environ, **environment}, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines() == ["['1', '0', '0']", "1 1", "1 1"], done.stderr[-2000:]


def test_the_last_seat_of_parsing_takes_small_files_alone(
    configured: Any, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = add(collection, "scan.pdf", size=tasks.SMALL_FILE + 1, queued_at=timezone.now() - timedelta(hours=1))
    small = add(collection, "note.txt")
    monkeypatch.setattr(tasks, "seats_of", lambda stage: 1)
    tasks.parse_owed()
    large.refresh_from_db()
    small.refresh_from_db()
    assert (large.status, small.status) == (Status.RECEIVED, Status.FAILED), "no file is stored for it"
    monkeypatch.undo()
    tasks.parse_owed()
    large.refresh_from_db()
    assert large.status == Status.FAILED


def test_what_is_paused_is_taken_when_it_is_due(receive: Receive) -> None:
    document = receive(b"fine")
    lease = claims.next_to_parse()
    assert lease is not None
    leases.release(lease, pause_s=60.0, burn_attempt=False)
    assert claims.next_to_parse() is None and not claims.is_owed(Status.PARSING)
    Document.objects.filter(pk=document.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    assert claims.next_to_parse() is not None


def test_an_index_service_that_is_away_is_tried_seldom_however_many_documents_wait(
    full: Collection, index: FakeIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    Document.objects.update(status=Status.EMBEDDING)
    for document in Document.objects.all():
        Passage.objects.create(document=document, ordinal=0, text="Words.")
    index.stop()
    monkeypatch.setattr(tasks, "TURN_S", 3.0)
    monkeypatch.setattr(tasks, "PAUSES_S", (0.5, 1.0))
    monkeypatch.setattr(tasks, "wake", lambda *_, **__: None)
    tried = counted(monkeypatch)
    begun = time.monotonic()
    tasks.embed_owed()
    assert 3.0 <= time.monotonic() - begun < 20.0
    assert 2 <= len(tried) <= 5
    assert not Document.objects.exclude(attempts=0).exists()


def counted(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When embedding was tried."""
    tried: list[float] = []
    embed = tasks.embed

    def counting(*given: Any) -> Any:
        tried.append(time.monotonic())
        return embed(*given)

    monkeypatch.setattr(tasks, "embed", counting)
    return tried
