"""Files of one conversation go with it, and what is kept of them elsewhere says no more than it may."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client as HttpClient
from django.utils import timezone

from chatapp.accounts.models import User
from chatapp.accounts.scopes import Grant
from chatapp.attachments import leaving, services, tasks
from chatapp.conversations import admission, takeover
from chatapp.conversations.file_waits import files_as_they_are
from chatapp.conversations.models import Conversation, Explanation, Message, Turn
from chatapp.conversations.outbox import Outbox
from chatapp.conversations.running import RunningTurn
from chatapp.conversations.stream import turn_stream
from chatapp.governance.models import AuditEntry
from chatapp.governance.services import record
from chatapp.privacy import copies, erasure, retention, temporary_chats
from chatapp.privacy.models import RetentionRule
from retrieval import files
from retrieval.models import Collection, Document, IndexChange
from retrieval.pipeline import claims
from retrieval.pipeline.ingestion import receive_document
from retrieval.versions import checks
from retrieval.versions.models import IndexedDocument, IndexVersion
from tests.conftest import Cast
from tests.conversations.attaching import WORDS, asked, attach, nothing_is_left, read_it, sources_in
from tests.conversations.model_double import ModelDouble
from tests.conversations.web import Client
from tests.ingestion.fake_index import FakeIndex

pytestmark = pytest.mark.usefixtures("staged")


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Does what a worker would have been sent. -> how many messages that were"""
    sent: list[tuple[Any, tuple[object, ...]]] = []
    monkeypatch.setattr(tasks, "send", lambda task, *arguments: sent.append((task, arguments)))

    def work() -> int:
        for task, arguments in sent:
            task(*json.loads(json.dumps(arguments)))
        return len(sent)

    return work


@pytest.mark.parametrize("door", ["one", "several", "retention", "temporary", "unused"])
def test_it_goes_with_its_conversation(
    http: dict[str, HttpClient], cast: Cast, index: FakeIndex, handbook: Document, door: str, worker: Callable[[], int]
) -> None:
    query: dict[str, Any] = {"temporary": "1"} if door == "temporary" else {}
    home = attach(http["alice"], **query).json()["conversation"]
    read_it(index)
    assert not nothing_is_left()
    if door != "unused":
        Message.objects.create(conversation_id=home, role="user", text="What?")
    old = Conversation.objects.filter(pk=home)
    old.update(updated_at=timezone.now() - timedelta(days=30))
    match door:
        case "one":
            assert http["alice"].delete(f"/api/conversations/{home}/").status_code == 204
        case "several":
            body = {"ids": [home], "delete": True}
            answer = http["alice"].post("/api/conversations/several/", body, content_type="application/json")
            assert answer.status_code == 200, answer.content
        case "retention":
            RetentionRule.objects.create(days=10)
            assert retention.forget_conversations() == 1
        case "temporary":
            assert temporary_chats.forget() == 1
        case "unused":
            assert leaving.forget_unused() == 1
    assert not old.exists() and Document.objects.count() == 2  # whoever asked for it waits for nothing
    assert worker() == 1 and nothing_is_left()
    assert IndexChange.objects.filter(kind="remove").count() == 1
    assert Collection.objects.get().name == "Handbook" and Document.objects.get() == handbook


def test_an_erasure_is_not_done_before_they_are_gone(
    attached: dict[str, Any], cast: Cast, worker: Callable[[], int]
) -> None:
    erasure.erase(cast.alice)
    assert nothing_is_left()
    assert worker() == 1 and nothing_is_left()  # who was told of it too finds nothing


def test_an_erasure_that_cannot_delete_them_has_done_all_else(
    attached: dict[str, Any], cast: Cast, worker: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(erasure, "forget_streams", lambda turns: done.append("streams"))
    monkeypatch.setattr(erasure, "forget_answers", lambda: done.append("answers"))
    with monkeypatch.context() as away, pytest.raises(OSError, match="the disk is away"):
        away.setattr(leaving, "delete_collection", unlucky)
        erasure.erase(cast.alice)
    assert done == ["streams", "answers"] and not User.objects.filter(pk=cast.alice.pk).exists()
    assert worker() == 1 and nothing_is_left()


def unlucky(**_: object) -> None:
    raise OSError("the disk is away")


def test_all_chats_that_were_never_begun_go(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "_AT_ONCE", 2)
    for number in range(5):
        services.attach(user=cast.alice, conversation=None, name="a.txt", content=BytesIO(b"%d" % number), size=1)
    Conversation.objects.update(updated_at=timezone.now() - timedelta(days=3))
    assert leaving.forget_unused() == 5 and not Conversation.objects.exists()


def test_who_always_begins_new_chats_does_not_go_before_the_others(http: dict[str, HttpClient]) -> None:
    home = attach(http["bob"], b"first").json()["conversation"]
    assert claims.next_to_parse() is not None
    waits = UUID(attach(http["bob"], b"second", to=home).json()["attachment"]["id"])
    read = []
    for number in range(3):
        attach(http["alice"], b"%d" % number)
        lease = claims.next_to_parse()
        assert lease is not None
        read.append(lease.document_id)
    assert waits in read


def test_who_goes_back_to_old_chats_does_not_go_before_new_ones(http: dict[str, HttpClient]) -> None:
    old = [attach(http["alice"], b"old %d" % number).json()["conversation"] for number in range(3)]
    assert all(claims.next_to_parse() for _ in old)
    Collection.with_attached.update(served_at=timezone.now() - timedelta(days=30))
    waits = UUID(attach(http["bob"], b"new").json()["attachment"]["id"])
    for home in old:
        attach(http["alice"], b"once more", to=home)
    lease = claims.next_to_parse()
    assert lease is not None and lease.document_id == waits


def test_what_a_process_left_behind_that_died_is_swept(attached: dict[str, Any]) -> None:
    """The conversation was gone, its files not yet: here the message to the worker waits for good."""
    Conversation.objects.filter(pk=attached["conversation"]).delete()
    assert not nothing_is_left()
    assert leaving.sweep() == 1 and nothing_is_left()
    assert leaving.forget([Collection.objects.get().pk]) == 0  # another kind of collection is never deleted so


def test_the_same_bytes_in_a_collection_stay_where_a_conversation_goes(
    http: dict[str, HttpClient],
    cast: Cast,
    attached: dict[str, Any],
    handbook: Document,
    worker: Callable[[], int],
) -> None:
    kept = receive_document(
        collection=handbook.collection, name="annex.txt", content=BytesIO(WORDS), by=cast.administrator
    ).document
    assert http["alice"].delete(f"/api/conversations/{attached['conversation']}/").status_code == 204
    assert worker() == 1 and Document.objects.filter(pk=attached["document"]).count() == 0
    assert files.stored_file(kept.sha256).read_bytes() == WORDS


def trail_as_stored() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(string_agg(e::text, ''), '') FROM governance_auditentry e")
        return str(cursor.fetchone()[0])


@pytest.mark.parametrize("temporary", [False, True])
def test_its_name_stands_in_the_trail_under_a_seal_and_of_a_temporary_chat_not_at_all(
    alice: Client,
    http: dict[str, HttpClient],
    cast: Cast,
    model: ModelDouble,
    handbook: Document,
    index: FakeIndex,
    temporary: bool,
) -> None:
    model.words = ["90 kilograms [1]."]
    query = {"temporary": "1"} if temporary else {}
    home = attach(http["alice"], name="Resignation.txt", **query).json()["conversation"]
    read_it(index)
    assert any(one["document"].get("attached") for one in sources_in(asked(alice, home)))
    assert "Resignation" not in trail_as_stored()
    ended = AuditEntry.objects.get(action="turn.ended").whole_detail
    added = AuditEntry.objects.get(action="attachment.added").whole_detail
    assert ("Resignation" in str(ended), "Resignation" in str(added)) == (not temporary, not temporary)
    assert "leave.md" in str(ended)  # what lies in a collection is told by name
    http["alice"].delete(f"/api/conversations/{home}/")
    erasure.erase(cast.alice)
    assert all("Resignation" not in str(entry.whole_detail) for entry in AuditEntry.objects.all())


def test_a_report_of_an_index_version_counts_it_and_names_it_not(http: dict[str, HttpClient]) -> None:
    document = attach(http["alice"], name="Resignation.txt").json()["attachment"]["id"]
    version = IndexVersion.objects.create(status="failed", error="Documents failed.", embedding_model="m", dimension=4)
    IndexedDocument.objects.create(version=version, document_id=document, error="It could not be embedded.")
    report = checks.failures(version)
    assert (report["documents"], report["listed"]) == (1, [])
    page = http["administrator"].get(f"/admin/versions/indexversion/{version.pk}/change/")
    assert page.status_code == 200 and "Resignation" not in page.content.decode()


def test_no_name_of_a_collection_is_taken_by_it(http: dict[str, HttpClient], cast: Cast) -> None:
    home = Conversation.objects.create(owner=cast.alice)
    Collection.objects.create(name=f"attached to {home.pk}")
    assert attach(http["alice"], to=home.pk).status_code == 201
    name = f"attached to {attach(http['alice'], b'Another one.').json()['conversation']}"
    made = http["administrator"].post("/api/collections/", {"name": name}, content_type="application/json")
    assert made.status_code == 201


def test_a_turn_of_a_widget_reads_no_file_when_another_process_goes_on_with_it(
    attached: dict[str, Any], cast: Cast, handbook: Document
) -> None:
    asker = User.objects.get(pk=cast.alice.pk)
    asker.grant = Grant(key=uuid4(), collections=frozenset([handbook.collection_id]))
    home = attached["conversation"]
    begun = [admission.ask_all([admission.Question(who, "What?", home)])[0] for who in (asker, cast.alice)]
    assert [one.reads_files for one in begun if isinstance(one, admission.Started)] == [False, True]
    Turn.objects.update(heartbeat_at=timezone.now() - timedelta(minutes=5))
    taken = {one.turn.turn: one.turn for one in takeover.claim(5, frozenset())}
    assert [taken[one.turn].reads_files for one in begun if isinstance(one, admission.Started)] == [False, True]

    async def files(started: admission.Started) -> Any:
        return (await files_as_they_are(RunningTurn(started, Outbox(started.turn, turn_stream())))).collection

    found = [asyncio.run(files(taken[one.turn])) for one in begun if isinstance(one, admission.Started)]
    assert found[0] is None and found[1] is not None


def test_a_copy_of_what_is_kept_of_a_person_tells_of_files_and_of_why(
    alice: Client, attached: dict[str, Any], cast: Cast, model: ModelDouble
) -> None:
    model.words = ["90 kilograms [1]."]
    asked(alice, attached["conversation"])
    target = BytesIO()
    copies.write(cast.alice, target)
    with zipfile.ZipFile(target) as archive:
        told = json.loads(archive.read(f"conversations/{attached['conversation']}.json"))
    assert [one["name"] for one in told["attachments"]] == ["annex.txt"]
    assert [bool(one["explanation"]) for one in told["messages"]] == [False, True]
    assert told["messages"][1]["explanation"]["kept"]


def test_a_copy_names_no_files_of_temporary_chats_and_no_list_of_words(http: dict[str, HttpClient], cast: Cast) -> None:
    assert attach(http["alice"], name="Burnout.txt", temporary="1").status_code == 201
    home = Conversation.objects.create(owner=cast.alice)
    asked = Message.objects.create(conversation=home, role="user", text="What?")
    found = {"kind": "words:Layoffs 2027", "action": "mask", "times": 1}
    Explanation.objects.create(message=asked, kept={"route": "behind-the-scenes", "found": {"question": [found]}})
    record("content.found", "question", cast.alice, found=[found])
    target = BytesIO()
    copies.write(cast.alice, target)
    with zipfile.ZipFile(target) as archive:
        told = {name: archive.read(name).decode() for name in archive.namelist()}
    assert '"kind": "words"' in told[f"conversations/{home.pk}.json"] and '"kind": "words"' in told["audit.jsonl"]
    for hidden in ("Burnout", "Layoffs", "behind-the-scenes"):
        assert not [name for name, text in told.items() if hidden in text], hidden
