"""How ingestion goes, as administrators see it: states, rates, ends, failures by reason; and what they can do."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from chatapp.accounts.models import User
from chatapp.governance.models import AuditEntry
from chatapp.operations import heartbeat
from retrieval import tasks
from retrieval.models import Collection, Document, Passage
from retrieval.pipeline import leases
from retrieval.pipeline.leases import Lease
from retrieval.throughput.counting import tally
from retrieval.throughput.models import Slot
from tests.conftest import signed_in_client
from tests.documents.conftest import MakeDocument
from tests.ingestion.fake_index import FakeIndex

Status = Document.Status
LONG_AGO = timedelta(minutes=10)


@pytest.fixture
def admin(people: dict[str, User | None], configured: Any) -> Client:
    assert people["administrator"] is not None
    return signed_in_client(people["administrator"])


@pytest.fixture
def waiting(make_document: MakeDocument) -> Document:
    return make_document("waits.txt", status="received", ready_at=None, queued_at=timezone.now() - LONG_AGO)


def in_work(document: Document) -> Lease:
    """As a worker has it that took it this moment."""
    lease = Lease(document.pk, uuid4(), 1)
    until = timezone.now() + timedelta(minutes=1)
    held = Document.objects.filter(pk=document.pk)
    held.update(status=Status.PARSING, attempts=1, lease_token=lease.token, lease_until=until)
    return lease


def seen(client: Client) -> dict[str, Any]:
    answer = client.get("/api/ingestion/")
    assert answer.status_code == 200, answer.content
    shown: dict[str, Any] = answer.json()
    return shown


def test_a_scraper_reads_the_same(admin: Client, waiting: Document) -> None:
    text = admin.get("/metrics").content.decode()
    assert 'footnote_ingestion_documents{stage="parsing",state="waiting"} 1.0' in text
    assert 'footnote_ingestion_state{state="stuck"} 1.0' in text
    assert "footnote_ingestion_oldest_waiting_seconds 6" in text


def test_nothing_owed_is_idle(admin: Client, make_document: MakeDocument) -> None:
    make_document("done.md", "text")
    shown = seen(admin)
    assert (shown["all"]["state"], shown["collections"], shown["failures"]) == ("idle", [], [])


def test_what_nobody_takes_is_stuck_and_says_that_no_worker_runs(admin: Client, waiting: Document) -> None:
    shown = seen(admin)
    assert shown["all"]["state"] == shown["collections"][0]["state"] == "stuck"
    assert "No worker is running" in shown["collections"][0]["reason"]
    assert shown["all"]["oldest_waiting_s"] >= 600
    assert shown["all"]["ends_at"] is None


def test_an_index_service_that_is_away_is_named(admin: Client, waiting: Document, index: FakeIndex) -> None:
    heartbeat.beat()
    index.stop()
    assert "index service cannot be reached" in seen(admin)["all"]["reason"]


def test_a_collection_waits_for_its_turn_while_another_has_it(
    admin: Client, waiting: Document, make_document: MakeDocument
) -> None:
    other = Collection.objects.create(name="Other")
    busy = make_document("busy.txt", collection=other, status="received", ready_at=None, queued_at=timezone.now())
    in_work(busy)
    shown = seen(admin)
    states = {one["name"]: (one["state"], bool(one["reason"])) for one in shown["collections"]}
    assert shown["all"]["state"] == "working"
    assert states == {"Private": ("waiting", True), "Other": ("working", False)}


def test_a_collection_that_is_alone_waits_for_no_other(admin: Client, make_document: MakeDocument) -> None:
    make_document("new.txt", status="received", ready_at=None, queued_at=timezone.now())
    (shown,) = seen(admin)["collections"]
    assert (shown["state"], shown["reason"]) == ("waiting", "")
    other = Collection.objects.create(name="Other")
    pausing = make_document("later.txt", collection=other, status="received", ready_at=None, queued_at=timezone.now())
    leases.release(in_work(pausing), pause_s=60.0, burn_attempt=False)
    assert {one["name"]: one["reason"] for one in seen(admin)["collections"]}["Private"] == "", "nobody is ahead of it"


def test_an_error_that_passes_is_a_pause(admin: Client, waiting: Document) -> None:
    leases.release(in_work(waiting), pause_s=60.0, burn_attempt=False)
    heartbeat.beat()
    shown = seen(admin)["all"]
    assert (shown["state"], shown["paused"], shown["waiting"]["parsing"]) == ("paused", 1, 0)


def test_rate_and_expected_end_come_from_what_was_done(admin: Client, waiting: Document) -> None:
    tally.write(at_once=True)
    Slot.objects.all().delete()  # what tests before this one counted
    tally.add(waiting.collection_id, "passages", 600)
    tally.add(waiting.collection_id, "ready", 20)
    tally.write(at_once=True)
    begun = timezone.now()
    Slot.objects.update(at=begun - timedelta(seconds=30))
    shown = seen(admin)["all"]
    seconds = 30 + (timezone.now() - begun).total_seconds()  # at most
    assert shown["state"] == "working"
    assert 600 / seconds - 0.1 <= shown["passages_per_s"] <= 20.1
    assert 20 * 60 / seconds - 0.1 <= shown["documents_per_min"] <= 40.1
    assert shown["passages_left"] == 30, "as many as those before had"
    assert shown["ends_at"] is not None


def test_what_was_done_before_a_pause_does_not_slow_the_rate(admin: Client, waiting: Document) -> None:
    """A few documents four minutes ago, then nothing, then an upload."""
    now = timezone.now()
    for seconds, passages in ((240, 5), (20, 300), (5, 300)):
        Slot.objects.create(
            collection_id=waiting.collection_id, at=now - timedelta(seconds=seconds), passages=passages, ready=5
        )
    shown = seen(admin)["all"]
    assert 25 < shown["passages_per_s"] <= 30
    assert shown["ends_at"] is not None
    Slot.objects.filter(at__gt=now - timedelta(seconds=100)).delete()
    assert seen(admin)["all"]["ends_at"] is None, "nothing is known of how fast it goes now"


def test_a_small_collection_is_expected_to_end_before_a_large_one(
    admin: Client, waiting: Document, make_document: MakeDocument
) -> None:
    other = Collection.objects.create(name="Other")
    for number in range(5):
        make_document(f"{number}.txt", collection=other, status="received", ready_at=None, queued_at=timezone.now())
    tally.add(waiting.collection_id, "passages", 100)
    tally.add(waiting.collection_id, "ready", 10)
    tally.write(at_once=True)
    assert seen(admin)["all"]["ends_at"] is None, "nothing is known yet"
    Slot.objects.update(at=timezone.now() - timedelta(seconds=20))
    shown = seen(admin)
    ends = {one["name"]: one["ends_at"] for one in shown["collections"]}
    assert ends["Private"] < ends["Other"] == shown["all"]["ends_at"]


def fail(make_document: MakeDocument, name: str, code: str) -> Document:
    return make_document(name, status="failed", ready_at=None, error_code=code, error=f"Because of {code}.")


def test_failures_are_grouped_by_reason_and_listed(admin: Client, make_document: MakeDocument) -> None:
    for number in range(3):
        fail(make_document, f"{number}.pdf", "timeout")
    fail(make_document, "bad.pdf", "corrupt")
    reasons = [(one["code"], one["documents"], one["retryable"]) for one in seen(admin)["failures"]]
    assert reasons == [("timeout", 3, True), ("corrupt", 1, False)]
    listed = admin.get("/api/ingestion/failures/?code=timeout").json()
    assert (listed["total"], {one["error_code"] for one in listed["documents"]}) == (3, {"timeout"})


def test_documents_that_failed_for_different_reasons_of_one_kind_are_told_apart(
    admin: Client, make_document: MakeDocument
) -> None:
    told = ["This is an old Office format.", "This is an old Office format.", "This kind of file is not read."]
    for number, sentence in enumerate(told):
        failed = fail(make_document, f"{number}.bin", "unsupported")
        Document.objects.filter(pk=failed.pk).update(error=sentence)
    (reason,) = seen(admin)["failures"]
    assert (reason["documents"], reason["sentence"]) == (3, told[0])
    assert reason["sentences"] == [{"sentence": told[0], "documents": 2}, {"sentence": told[2], "documents": 1}]


def test_all_are_tried_again_but_for_those_whose_file_is_at_fault(admin: Client, make_document: MakeDocument) -> None:
    for number in range(3):
        fail(make_document, f"{number}.pdf", "timeout")
    corrupt = fail(make_document, "bad.pdf", "corrupt")
    answer = post(admin, "retry", {})
    assert answer.json() == {"documents": 3}
    assert Document.objects.filter(status=Status.RECEIVED, error="").count() == 3
    assert post(admin, "retry", {"code": "corrupt"}).json() == {"documents": 1}
    corrupt.refresh_from_db()
    assert corrupt.status == Status.RECEIVED
    assert AuditEntry.objects.filter(action="documents.retried").count() == 2


def test_what_waits_is_called_off_and_what_is_in_work_is_not(
    admin: Client, waiting: Document, make_document: MakeDocument
) -> None:
    working = make_document("busy.txt", status="received", ready_at=None, queued_at=timezone.now())
    in_work(working)
    half = make_document("half.txt", "text", status="embedding", ready_at=None, queued_at=timezone.now())
    other = Collection.objects.create(name="Other")
    kept = make_document("kept.txt", collection=other, status="received", ready_at=None, queued_at=timezone.now())
    answer = post(admin, "cancel", {"collection": str(waiting.collection_id)})
    assert answer.json() == {"documents": 2}
    for document, status in ((waiting, "failed"), (half, "failed"), (working, "parsing"), (kept, "received")):
        document.refresh_from_db()
        assert document.status == status
    assert waiting.error_code == "cancelled" and not Passage.objects.filter(document=half).exists()
    assert post(admin, "retry", {"code": "cancelled"}).json() == {"documents": 2}


def post(client: Client, action: str, body: dict[str, str]) -> Any:
    return client.post(f"/api/ingestion/{action}/", body, content_type="application/json")


@pytest.mark.parametrize("who", ["alice", "charlie", "anonymous"])
@pytest.mark.parametrize("door", ["", "failures/", "retry/", "cancel/"])
def test_only_administrators_see_and_change_it(
    people: dict[str, User | None], configured: Any, waiting: Document, who: str, door: str
) -> None:
    person = people[who]
    client = signed_in_client(person) if person else Client()
    method = client.post if door in ("retry/", "cancel/") else client.get
    assert method(f"/api/ingestion/{door}", content_type="application/json").status_code in (401, 404)
    waiting.refresh_from_db()
    assert waiting.status == Status.RECEIVED


def test_the_list_comes_in_pages_by_name_and_status(admin: Client, make_document: MakeDocument) -> None:
    for number in range(25):
        make_document(f"report {number:02}.txt")
    fail(make_document, "bad.pdf", "corrupt")
    door = f"/api/collections/{Collection.objects.get(name='Private').pk}/documents/"
    first = admin.get(f"{door}?page=1&size=10").json()
    assert (len(first["documents"]), first["total"], first["pages"]) == (10, 26, 3)
    names = [one["name"] for page in (1, 2, 3) for one in admin.get(f"{door}?page={page}&size=10").json()["documents"]]
    assert len(set(names)) == 26
    assert admin.get(f"{door}?page=1&name=REPORT 1").json()["total"] == 10
    assert admin.get(f"{door}?page=1&status=failed").json()["total"] == 1
    assert admin.get(f"{door}?page=1&status=busy").json()["total"] == 0
    assert len(admin.get(door).json()["documents"]) == 26
    for odd in ("page=0", "page=x", "size=100000", "status=nonsense", "page=²"):
        assert admin.get(f"{door}?{odd}").status_code == 400


def test_the_command_shows_the_same_and_tries_again(
    people: dict[str, User | None], configured: Any, waiting: Document, make_document: MakeDocument
) -> None:
    fail(make_document, "bad.pdf", "timeout")
    out = StringIO()
    call_command("ingestion", "--json", stdout=out)
    shown = json.loads(out.getvalue())
    assert (shown["all"]["state"], shown["failures"][0]["code"]) == ("stuck", "timeout")
    out = StringIO()
    call_command("ingestion", stdout=out)
    assert "NOBODY WORKS" in out.getvalue() and "timeout" in out.getvalue()
    out = StringIO()
    call_command("ingestion", "--retry", "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"retried": 1}
    out = StringIO()
    call_command("ingestion", "--cancel", "--collection", "Private", stdout=out)
    assert out.getvalue() == "2 documents cancelled.\n"


def test_the_command_says_why_there_is_nothing_to_try_again(
    people: dict[str, User | None], configured: Any, make_document: MakeDocument
) -> None:
    def said(*arguments: str) -> str:
        out, err = StringIO(), StringIO()
        call_command("ingestion", "--retry", *arguments, stdout=out, stderr=err)
        assert out.getvalue() == "0 documents retried.\n"
        return err.getvalue()

    assert said() == "None has failed.\n"
    fail(make_document, "broken.pdf", "corrupt")
    fail(make_document, "locked.pdf", "encrypted")
    assert said("timeout").startswith("None failed with the code 'timeout'. There are: ")
    told = said()
    assert "2 are the files' own fault" in told and "corrupt (1)" in told and "Name a code" in told


def test_what_a_worker_does_is_counted(
    configured: Any, private: Collection, make_document: MakeDocument, boss: User
) -> None:
    from io import BytesIO

    from retrieval.pipeline.ingestion import receive_document

    receive_document(collection=private, name="a.txt", content=BytesIO(b"The office opens at nine."), by=boss)
    receive_document(collection=private, name="b.pdf", content=BytesIO(b"%PDF-nonsense"), by=boss)
    tasks.parse_owed()
    tasks.embed_owed()
    slots = list(Slot.objects.filter(collection_id=private.pk))
    counts = {name: sum(getattr(one, name) for one in slots) for name in ("parsed", "ready", "failed", "passages")}
    assert counts == {"parsed": 1, "ready": 1, "failed": 1, "passages": 1}
