"""Who is erased is found nowhere any more: in no table, no file, no cache; and what was sealed for them is shut."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from chatapp.accounts.keys import create_key
from chatapp.accounts.links import make_link
from chatapp.accounts.models import User
from chatapp.commands import Error
from chatapp.conversations import services
from chatapp.conversations.admission import Question, ask_all
from chatapp.conversations.citing import Cited
from chatapp.conversations.models import Conversation, Message
from chatapp.feedback.models import Rating
from chatapp.governance import chain
from chatapp.governance.models import AuditEntry
from chatapp.governance.personal import Personal
from chatapp.governance.services import record
from chatapp.governance.verification import verify
from chatapp.privacy import erasure, sealing
from chatapp.privacy.models import PersonKey
from inference.engine import Source
from retrieval.models import Collection, Document, Passage, PassageVector
from retrieval.pipeline.ingestion import receive_document
from retrieval.tenants import HOUSE
from tests.conftest import Cast, signed_in_client, signed_in_session

MARK = "zyzzyva"  # stands in all that the person is, wrote and was told


@pytest.fixture
def dora(cast: Cast, settings: Any, tmp_path: Path) -> User:
    """Has used all there is."""
    admin = signed_in_client(cast.administrator)
    assert admin.post(
        "/admin/accounts/user/add/", {"username": f"dora-{MARK}", "usable_password": "false", "organisation": HOUSE}
    )
    dora = User.objects.get(username=f"dora-{MARK}")
    dora.email, dora.first_name = f"{MARK}@example.com", MARK
    dora.save()
    dora.groups.add(Group.objects.get(name="members"))
    signed_in_session(dora)
    create_key(user=dora, name=f"key {MARK}")
    make_link(dora)
    _administered(admin, dora)
    _talk(dora)
    _upload(dora)
    record("sign_in", dora, dora, address=Personal(f"{MARK}.example.com"))
    record("account.changed", dora, cast.administrator, fields=["email"])
    return dora


def _administered(admin: Client, dora: User) -> None:
    """What administrators made for her, and what their log says of it."""
    key = dora.api_keys.get()
    sent = {
        "/admin/accounts/serviceaccount/add/": {
            "username": "robot",
            "owner": str(dora.pk),
            "contact": f"{MARK} 12",
            "organisation": HOUSE,
        },
        "/admin/limits/limit/add/": {"resource": "requests", "amount": "9", "seconds": "60", "key": str(key.pk)},
        "/admin/roles/appointment/add/": {"role": "auditor", "user": str(dora.pk)},
    }
    for path, form in sent.items():
        assert admin.post(path, form).status_code == 302, path


def _talk(dora: User) -> None:
    collection = Collection.objects.create(name="Handbook", everyone=True)
    document = Document.objects.create(
        collection=collection, name="leave.md", size=1, sha256="0" * 64, status="ready", ready_at=timezone.now()
    )
    passage = Passage.objects.create(document=document, ordinal=0, text="28 days.")
    (started,) = ask_all([Question(dora, f"Am I {MARK}?")])
    assert not isinstance(started, Exception), started
    source = Source(1, "leave.md", "28 days.", "", None, 0.9)
    shown = {"number": 1, "passage": passage.pk, "document": {"id": str(document.pk), "name": "leave.md"}}
    values: dict[str, Any] = {
        "text": f"You are {MARK} [1].", "status": Message.Status.COMPLETE, "engine": "tiny", "written_by": [],
        "error": None, "sources": [shown], "usage": {}, "timings": {},
    }  # fmt: skip
    cited = [Cited(source=source, quote=f"28 days, {MARK}")]
    assert services.finish_turn(
        turn=started.turn, answer=started.answer, values=values, cited=cited, passages={1: passage.pk}
    )
    Rating.objects.create(message_id=started.answer, person=dora, value=-1, text=f"I am no {MARK}")


def _upload(dora: User) -> None:
    private = Collection.objects.create(name="Private")
    content = io.BytesIO(f"The diary of {MARK}.".encode())
    held = receive_document(collection=private, name=f"{MARK}.txt", content=content, by=dora).document
    row = Passage.objects.create(document=held, ordinal=0, text=f"The diary of {MARK}.")
    PassageVector.objects.create(passage=row, model="tiny", vector=b"\0\0")


def everywhere(*wanted: str) -> set[str]:
    """The tables of the database, and the files of the server, in which one of these stands."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        tables = [row[0] for row in cursor.fetchall()]
        found = set()
        for table in tables:
            cursor.execute(f"SELECT t::text FROM {table} t")
            rows = " ".join(row[0] for row in cursor.fetchall())
            found |= {table for one in wanted if one in rows or one.encode().hex() in rows}
    for path in Path(settings.VAR_DIR).rglob("*"):
        if path.is_file() and "postgres" not in path.parts:
            content = path.read_bytes()
            found |= {str(path.relative_to(settings.VAR_DIR)) for one in wanted if one.encode() in content}
    return found


def test_nothing_of_an_erased_person_is_found_anywhere(dora: User, cast: Cast, capsys: Any) -> None:
    number, sealed = dora.pk, sealing.seal(dora.pk, MARK, "test")
    caches["answers"].set("kept", f"You are {MARK}")
    before = everywhere(MARK)
    assert {"public.accounts_user", "public.retrieval_passage"} <= before
    assert not {"public.conversations_message", "public.feedback_rating"} & before  # sealed
    assert any(place.startswith("files") for place in before)
    chain.chain_all()
    call_command("privacy", "erase", dora.username, "--with-documents", "--yes", "--json")
    said = json.loads(capsys.readouterr().out)
    assert said == {"conversations": 1, "ratings": 1, "keys": 1, "sessions": 1, "documents": 1}
    assert everywhere(MARK) == set()
    assert everywhere(str(number), number.hex) == {
        "public.governance_auditentry", "public.privacy_personkey", "erased/people"
    }  # fmt: skip
    assert sealing.unseal(number, sealed, "test") is None
    assert caches["answers"].get("kept") is None
    assert User.objects.count() == 5 and Session.objects.count() == 1


def test_the_trail_still_holds_and_says_that_somebody_was_erased(dora: User, cast: Cast) -> None:
    head = chain.head() if chain.chain_all() else None
    number = dora.pk
    erasure.erase(dora, by=cast.administrator)
    assert verify(head).sound
    entry = AuditEntry.objects.get(action="account.erased")
    assert (entry.subject, entry.actor) == (f"person {number}", cast.administrator)
    asked = AuditEntry.objects.get(action="turn.ended")
    assert asked.actor_name == asked.whole_detail["question"] == "erased" and asked.detail["engine"] == "tiny"


def test_documents_of_an_erased_person_stay_unless_asked(dora: User) -> None:
    erasure.erase(dora)
    document = Document.objects.get(collection__name="Private")
    assert document.uploaded_by is None and document.passages.exists()
    assert not Conversation.objects.exists() and not PersonKey.objects.exclude(destroyed_at=None).filter(
        wrapped__isnull=False
    )


def test_an_erasure_says_what_it_is_before_it_is_one(dora: User) -> None:
    with pytest.raises(Error, match="--yes"):
        call_command("privacy", "erase", dora.username)
    with pytest.raises(Error, match="nobody named"):
        call_command("privacy", "erase", "nobody", "--yes")
    assert User.objects.filter(pk=dora.pk, is_active=True).exists()


def test_the_only_administrator_is_not_erased(cast: Cast) -> None:
    with pytest.raises(Error, match="only administrator"):
        call_command("privacy", "erase", "administrator", "--yes")
    assert User.objects.get(username="administrator").is_active


def test_an_erasure_that_broke_off_can_be_run_again(dora: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(person: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(sealing, "destroy", dies)
        erasure.erase(dora)
    left = User.objects.get(username=f"dora-{MARK}")
    assert not left.is_active and Conversation.objects.exists()
    erasure.erase(left)
    assert not User.objects.filter(pk=left.pk).exists()


def test_after_a_backup_was_put_back_the_erased_are_erased_again(dora: User, capsys: Any) -> None:
    number = dora.pk
    key = PersonKey.objects.get(person=number)
    sealed = sealing.seal(number, "value", "test")
    erasure.erase(dora)
    User.objects.create(pk=number, username=f"dora-{MARK}")
    PersonKey.objects.filter(person=number).update(wrapped=key.wrapped, wrapped_by=key.wrapped_by, destroyed_at=None)
    assert sealing.unseal(number, sealed, "test") == "value"
    call_command("privacy", "erase", "--again")
    assert "Erased 1 person again" in capsys.readouterr().out
    assert not User.objects.filter(pk=number).exists() and sealing.unseal(number, sealed, "test") is None


def test_a_copy_holds_all_that_is_kept_and_no_secrets(dora: User, tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "copy.zip"
    call_command("privacy", "export", dora.username, "--output", str(path), "--json")
    counts = json.loads(capsys.readouterr().out)["counts"]
    assert counts["conversations"] == 1 and counts["audit entries"] == 3
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        texts = {name: archive.read(name).decode() for name in names}
    assert path.stat().st_mode & 0o777 == 0o600
    assert {"account.json", "accounts.apikey.user.json", "retrieval.document.uploaded_by.json", "audit.jsonl"} <= names
    (conversation,) = (text for name, text in texts.items() if name.startswith("conversations/"))
    messages = json.loads(conversation)["messages"]
    assert [message["text"] for message in messages] == [f"Am I {MARK}?", f"You are {MARK} [1]."]
    assert messages[1]["ratings"][0]["text"] == f"I am no {MARK}" and messages[1]["citations"]
    assert json.loads(texts["account.json"])["groups"] == ["members"]
    assert f"{MARK}.example.com" in texts["audit.jsonl"]
    everything = "".join(texts.values())
    for secret in dora.api_keys.values_list("sha256", flat=True):
        assert secret not in everything
    with pytest.raises(Error, match="cannot be written"):
        call_command("privacy", "export", dora.username, "--output", str(path))
