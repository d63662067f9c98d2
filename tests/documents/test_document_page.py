"""The page of one document: what is known of it, and what can be done with it, for who looks after it."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from chatapp.conversations.models import Citation, Conversation, Message
from chatapp.documents import about
from chatapp.feedback.models import Rating
from chatapp.governance.models import AuditEntry
from chatapp.roles.models import Appointment
from retrieval.models import Collection, Document, IndexChange, Passage
from retrieval.pipeline.ingestion import receive_document
from retrieval.sources.models import Source, SourceItem
from retrieval.versions.models import IndexedDocument, IndexVersion
from tests.documents.conftest import MakeDocument
from tests.ingestion.stages import embed_one, parse_one

People = dict[str, Any]


@pytest.fixture
def curator(people: People, private: Collection) -> Client:
    """bob looks after Private."""
    Appointment.objects.create(role="curator", user=people["bob"], collection=private)
    return signed_in(people["bob"])


def signed_in(person: Any) -> Client:
    client = Client()
    client.force_login(person)
    return client


def page_of(client: Client, document: Document) -> str:
    answer = client.get(f"/documents/{document.pk}/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_document_that_is_ready_is_told_of(curator: Client, people: People, make_document: MakeDocument) -> None:
    dated = timezone.now() - timedelta(days=400)
    document = make_document(
        "leave.md", *(f"Rule {number}." for number in range(7)), path="house/leave.md", media_type="text/markdown",
        uploaded_by=people["alice"], seconds=2.5, warnings=["One page has no text."], pages=3, dated_at=dated,
    )  # fmt: skip
    version = IndexVersion.objects.create(status="ready", promote=False, embedding_model="minilm")
    IndexedDocument.objects.create(version=version, document=document, passages=7)
    page = page_of(curator, document)
    for told in (
        "Uploaded by alice", "house/leave.md", "text/markdown", "3 pages", "2.5 seconds of work", "One page has no",
        f"Version {version.pk} (ready, minilm): 7 passages", "7 passages", "Rule 0.", "Rule 4.", "Read it again",
        f"{dated:%Y}", "0 answers of the last 30 days cite it", "members, owners",
    ):  # fmt: skip
        assert told in page, told
    assert "Rule 5." not in page and "Try again" not in page and "data-renewed" not in page


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("application/pdf", ", 2 pages"),
        ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ", 2 sheets"),
        ("application/vnd.openxmlformats-officedocument.presentationml.presentation", ", 2 slides"),
    ],
)
def test_what_a_document_consists_of_has_its_own_name(
    curator: Client, make_document: MakeDocument, kind: str, says: str
) -> None:
    assert says in page_of(curator, make_document("plan", "Words.", media_type=kind, pages=2))


@pytest.mark.parametrize(("size", "says"), [(22, "22\xa0bytes"), (18_400, "18.4 kB")])
def test_a_size_is_told_in_the_unit_that_suits_it(
    curator: Client, make_document: MakeDocument, size: int, says: str
) -> None:
    assert says in page_of(curator, make_document("plan", "Words.", size=size))


@pytest.mark.parametrize(
    ("code", "says", "again"),
    [("corrupt", "upload it again", False), ("limit", "Trying again can help", True), ("cancelled", "whenever", True)],
)
def test_a_document_that_failed_says_why_and_what_to_do(
    curator: Client, make_document: MakeDocument, code: str, says: str, again: bool
) -> None:
    document = make_document(status="failed", ready_at=None, error="It is broken.", error_code=code)
    page = page_of(curator, document)
    assert "It is broken." in page and says in page
    assert ('id="retry"' in page) == again and "Read it again" not in page


@pytest.mark.parametrize("status", ["received", "parsing", "embedding"])
def test_a_document_on_its_way_shows_its_stage_and_is_looked_at_again(
    curator: Client, make_document: MakeDocument, status: str
) -> None:
    document = make_document(status=status, ready_at=None, queued_at=timezone.now(), attempts=1)
    page = page_of(curator, document)
    assert "1 attempt came to nothing so far" in page
    assert "waits since" in page and "data-renewed" in page and "It has none yet." in page
    lease = {"lease_token": "0" * 32, "lease_until": timezone.now() + timedelta(minutes=1)}
    Document.objects.filter(pk=document.pk).update(**lease)
    page = page_of(curator, document)
    assert "at work" in page and "since" not in page, "when it was taken is not kept"
    assert "came to nothing" not in page, "the first attempt is counted from its beginning"
    Document.objects.filter(pk=document.pk).update(attempts=3)
    assert "2 attempts came to nothing so far" in page_of(curator, document)


def test_what_a_source_brought_names_it(curator: Client, make_document: MakeDocument) -> None:
    document = make_document()
    source = Source.objects.create(name="Intranet", collection=document.collection, kind="web")
    SourceItem.objects.create(source=source, key_hash="0", key="https://intra/leave", name="leave", document=document)
    assert "Intranet (web): https://intra/leave" in page_of(curator, document)


def test_answers_that_cite_it_are_counted_and_nobody_is_named(
    curator: Client, people: People, make_document: MakeDocument
) -> None:
    document = make_document("leave.md", "One.", "Two.")
    recent, old = (answer_citing(people["charlie"], document) for _ in range(2))
    Message.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=31))
    for person, value in (("charlie", 1), ("alice", -1)):
        Rating.objects.create(message=recent, person=people[person], value=value)
    Rating.objects.create(message=old, person=people["charlie"], value=1)
    assert about.used_lately(document) == about.Used(answers=1, good=1, bad=1)
    page = page_of(curator, document)
    assert "1 answer of the last 30 days cites it; rated good 1 time, bad 1 time" in page and "charlie" not in page


def answer_citing(person: Any, document: Document) -> Message:
    conversation = Conversation.objects.create(owner=person)
    answer = Message.objects.create(conversation=conversation, role="assistant", text="So it is [1][2].")
    for number, passage in enumerate(document.passages.all(), start=1):
        Citation.objects.create(message=answer, number=number, passage=passage, document_name="x", quote="y", score=1)
    return answer


def test_the_original_is_offered_to_those_who_read_the_document_alone(
    people: People, curator: Client, private: Collection, configured: Any
) -> None:
    receipt = receive_document(
        collection=private, name="leave.md", content=io.BytesIO(b"Leave."), by=people["administrator"]
    )
    address = f"/documents/{receipt.document.pk}/file/"
    assert address in page_of(curator, receipt.document)
    Document.objects.update(restricted=True)
    assert address not in page_of(curator, receipt.document), "bob looks after it and is not among its own readers"
    receipt.document.readers.add(Group.objects.get(name="members"))
    assert address in page_of(curator, receipt.document)


def test_it_is_for_who_looks_after_it_alone(curator: Client, people: People, make_document: MakeDocument) -> None:
    document = make_document()
    elsewhere = make_document("board.md", collection=Collection.objects.create(name="Board", everyone=True))
    assert signed_in(people["alice"]).get(f"/documents/{document.pk}/").status_code == 404
    assert curator.get(f"/documents/{elsewhere.pk}/").status_code == 404
    assert Client().get(f"/documents/{document.pk}/").status_code == 302
    assert signed_in(people["administrator"]).get(f"/documents/{elsewhere.pk}/").status_code == 200


def test_reading_again_starts_anew_with_a_line_in_the_trail(
    curator: Client, configured: Any, make_document: MakeDocument
) -> None:
    document = make_document("leave.md", "One.", attempts=2, seconds=3.0)
    answer = curator.post(f"/api/documents/{document.pk}/again/")
    assert (answer.status_code, answer.json()["document"]["status"]) == (200, "received")
    held = Document.objects.get(pk=document.pk)
    assert (held.attempts, held.seconds) == (0, 0.0) and held.queued_at is not None
    assert IndexChange.objects.get(document_id=document.pk).kind == "remove"
    assert Passage.objects.filter(document=document).exists(), "they go when new ones come"
    assert AuditEntry.objects.filter(action="document.read_again", subject="leave.md").count() == 1


def test_what_is_read_again_is_cut_anew_and_found_again(
    people: People, curator: Client, private: Collection, configured: Any
) -> None:
    by = people["administrator"]
    document = receive_document(collection=private, name="leave.md", content=io.BytesIO(b"# Leave\n\n28 days."), by=by)
    parse_one()
    embed_one()
    before = set(Passage.objects.values_list("pk", flat=True))
    assert curator.post(f"/api/documents/{document.document.pk}/again/").status_code == 200
    parse_one()
    embed_one()
    held = Document.objects.get()
    assert (held.status, held.passage_count) == ("ready", 1)
    assert before and not before & set(Passage.objects.values_list("pk", flat=True))
    kinds = IndexChange.objects.order_by("seq").values_list("kind", flat=True)
    assert list(kinds) == ["add", "remove", "add"]
    assert IndexedDocument.objects.get(document=held).passages == 1


@pytest.mark.parametrize("status", ["received", "parsing", "embedding", "failed"])
def test_only_what_is_ready_is_read_again(
    curator: Client, configured: Any, make_document: MakeDocument, status: str
) -> None:
    document = make_document(status=status, ready_at=None, error="x")
    answer = curator.post(f"/api/documents/{document.pk}/again/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_ready")
    assert not AuditEntry.objects.filter(action="document.read_again").exists()


def test_others_do_not_have_it_read_again(
    curator: Client, people: People, configured: Any, make_document: MakeDocument
) -> None:
    document = make_document()
    assert signed_in(people["alice"]).post(f"/api/documents/{document.pk}/again/").status_code == 404
    assert Client().post(f"/api/documents/{document.pk}/again/").status_code == 401
    assert Document.objects.get().status == "ready"
