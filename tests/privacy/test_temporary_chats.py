"""A temporary chat is answered like any other, and leaves nothing."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from chatapp.accounts.models import User
from chatapp.conversations import services
from chatapp.conversations.admission import Question, ask_all
from chatapp.conversations.models import Citation, Conversation, FoundBy, Message, Turn
from chatapp.errors import Invalid
from chatapp.governance.models import AuditEntry
from chatapp.privacy import copies, older_texts, temporary_chats
from chatapp.privacy.tasks import forget_temporary_chats
from tests.conftest import Cast, signed_in_client
from tests.privacy.test_sealed_texts import ANSWER, QUESTION, dump, talk


def begun(person: User) -> Conversation:
    return Conversation.objects.get(pk=talk(person, temporary=True).conversation)


def test_it_is_not_listed_searched_exported_or_titled(cast: Cast) -> None:
    chat, client = begun(cast.alice), signed_in_client(cast.alice)
    assert chat.temporary and chat.title == ""
    assert client.get("/api/conversations/").json()["conversations"] == []
    assert client.get("/api/conversations/search/?q=quokkas").json()["results"] == []
    assert not FoundBy.objects.exists() and older_texts.left() == older_texts.Done(0, 0)
    target = io.BytesIO()
    assert "conversations" not in copies.write(cast.alice, target)
    with zipfile.ZipFile(target) as archive:
        kept = b"".join(archive.read(name) for name in archive.namelist())
    assert not [word for word in (b"quokkas", b"wombats", b"platypus") if word in kept]
    page = client.get(f"/api/conversations/{chat.pk}/").json()
    assert page["temporary"] is True and [one["text"] for one in page["messages"]] == [QUESTION, ANSWER]
    assert client.patch(f"/api/conversations/{chat.pk}/", {"title": "No"}, "application/json").status_code == 400
    assert signed_in_client(cast.bob).get(f"/api/conversations/{chat.pk}/").status_code == 404


def test_the_trail_says_that_it_was_and_nothing_of_what_was_said(cast: Cast) -> None:
    begun(cast.alice)
    (entry,) = AuditEntry.objects.filter(action="turn.ended")
    assert entry.detail["temporary"] is True
    assert not {"question", "answer", "answer_sha256", "characters"} & entry.whole_detail.keys()
    assert not entry.sealed or set(entry.sealed) == {"actor_name"}


def test_closing_it_leaves_nothing(cast: Cast) -> None:
    chat = begun(cast.alice)
    assert signed_in_client(cast.alice).delete(f"/api/conversations/{chat.pk}/").status_code == 204
    for model in (Conversation, Message, Turn, Citation, FoundBy):
        assert not model.objects.exists(), model
    assert str(chat.pk) not in dump()["conversations_message"]


def test_it_ends_some_time_after_it_was_last_used(cast: Cast, settings: Any) -> None:
    settings.TEMPORARY_CHAT_HOURS = 24.0
    old, new, running, kept = (begun(cast.alice) for _ in range(4))
    Conversation.objects.filter(pk=kept.pk).update(temporary=False)
    Conversation.objects.exclude(pk=new.pk).update(updated_at=timezone.now() - timedelta(hours=25))
    Turn.objects.filter(question__conversation=running).update(running=True)
    forget_temporary_chats()
    assert set(Conversation.objects.all()) == {new, running, kept}
    Turn.objects.update(running=False)
    assert temporary_chats.forget() == 1
    assert set(Conversation.objects.all()) == {new, kept} and old not in Conversation.objects.all()


def test_a_task_that_is_killed_goes_on_the_next_time(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        begun(cast.alice)
    Conversation.objects.update(updated_at=timezone.now() - timedelta(days=40))
    monkeypatch.setattr(temporary_chats, "_BATCH", 2)
    calls = iter([None])

    def dies(turns: Any) -> None:
        if next(calls, "dies"):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(temporary_chats, "forget_streams", dies)
        temporary_chats.forget()
    assert Conversation.objects.count() == 1
    assert temporary_chats.forget() == 1 and not Message.objects.exists()


def test_no_row_is_locked_while_redis_is_asked(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a chat in which somebody asks meanwhile stays."""
    old, used = begun(cast.alice), begun(cast.alice)
    Conversation.objects.update(updated_at=timezone.now() - timedelta(days=40))

    def asks(turns: Any) -> None:
        assert len(turns) == 2 and not connection.in_atomic_block
        Conversation.objects.filter(pk=used.pk).update(updated_at=timezone.now())

    monkeypatch.setattr(temporary_chats, "forget_streams", asks)
    assert temporary_chats.forget() == 1
    assert Conversation.objects.get() == used and old != used


def test_only_a_new_conversation_is_begun_as_temporary(cast: Cast) -> None:
    home = talk(cast.alice).conversation
    (refused,) = ask_all([Question(cast.alice, "And this?", home, temporary=True)])
    assert isinstance(refused, Invalid)
    chat = talk(cast.alice, temporary=True)
    (more,) = ask_all([Question(cast.alice, "And then?", chat.conversation, chat.answer)])
    assert not isinstance(more, Exception) and more.temporary
    assert [one.content for one in more.history] == [QUESTION, ANSWER]
    services.delete_conversation(conversation=Conversation.objects.get(pk=chat.conversation))
    assert Conversation.objects.get().pk == home
