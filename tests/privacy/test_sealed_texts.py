"""What people write and are told stands in no table in plain text, and is read as if it did."""

from __future__ import annotations

import io
import json
import secrets
import uuid
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chatapp.accounts.models import User
from chatapp.conversations import services
from chatapp.conversations.admission import Question, Started, ask_all
from chatapp.conversations.citing import Cited
from chatapp.conversations.models import Citation, Conversation, FoundBy, Message, Turn
from chatapp.conversations.services import Checkpoint
from chatapp.documents.filters import filters_of
from chatapp.feedback.models import Handled, Rating
from chatapp.privacy import copies, keyring, older_texts, plain_again, sealing
from chatapp.privacy.errors import KeyIsMissing, Unreadable
from chatapp.privacy.fields import Sealed, sealed_values
from chatapp.privacy.models import PersonKey
from inference.engine import Source
from tests.conftest import Cast, signed_in_client

QUESTION, ANSWER, QUOTE = "May quokkas swim?", "Yes, wombats may [1].", "numbats may swim"
PATH, FEEDBACK, TITLE = "echidna/rules", "No platypus does", "About bandicoots"
WORDS = ("quokka", "wombat", "numbat", "echidna", "platypus", "bandicoot")
SOURCE = {
    "number": 1, "passage": 7, "document": {"id": str(uuid.UUID(int=5)), "name": "numbat.md"}, "page": None,
    "text": QUOTE,
}  # fmt: skip


@pytest.fixture
def forget(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """As another process sees it, or this one some seconds later."""
    yield lambda: monkeypatch.setattr(keyring, "_kept", keyring._Kept())


def talk(person: User, *, question: str = QUESTION, answer: str = ANSWER, **asked: Any) -> Started:
    """A whole turn, with what is kept while it runs."""
    filters = filters_of({"path": PATH})
    (started,) = ask_all([Question(person, question, filters=filters, **asked)])
    assert isinstance(started, Started), started
    kept = Checkpoint(started.turn, started.answer, person.pk, answer[:9], "tiny", [], [SOURCE])
    assert services.checkpoint([kept]) == {started.turn: True}
    values: dict[str, Any] = {
        "text": answer, "status": Message.Status.COMPLETE, "engine": "tiny", "written_by": [], "error": None,
        "sources": [SOURCE], "usage": {}, "timings": {},
    }  # fmt: skip
    cited = [Cited(Source(1, "numbat.md", QUOTE, "", None, 0.9), QUOTE)]
    assert services.finish_turn(turn=started.turn, answer=started.answer, values=values, cited=cited, passages={1: 7})
    Rating.objects.create(message_id=started.answer, person=person, value=-1, text=FEEDBACK)
    return started


def dump() -> dict[str, str]:
    """All rows of all tables, as text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [row[0] for row in cursor.fetchall()]
        found = {}
        for table in tables:
            cursor.execute(f"SELECT t::text FROM {table} t")
            found[table] = "\n".join(row[0] for row in cursor.fetchall()).lower()
    return found


def make_plain() -> None:
    """As an earlier version left it."""
    plain = {row.pk: (row.text, row.sources) for row in Message.objects.all()}
    titles = {row.pk: row.title for row in Conversation.objects.all()}
    with connection.cursor() as cursor:
        for pk, (text, sources) in plain.items():
            cursor.execute(
                "UPDATE conversations_message SET text = %s, sources = %s, documents = NULL, indexed = false"
                " WHERE id = %s",
                [text, json.dumps(sources), pk],
            )
        for pk, title in titles.items():
            cursor.execute(
                "UPDATE conversations_conversation SET title = %s, sealed = false WHERE id = %s", [title, pk]
            )
        cursor.execute("UPDATE conversations_citation SET quote = %s, document_name = 'numbat.md'", [QUOTE])
        cursor.execute("UPDATE feedback_rating SET text = %s", [FEEDBACK])
        cursor.execute("UPDATE conversations_turn SET filters = %s", [json.dumps({"path": PATH})])
    FoundBy.objects.all().delete()


def shown(person: User) -> dict[str, Any]:
    client = signed_in_client(person)
    (listed,) = client.get("/api/conversations/").json()["conversations"]
    page: dict[str, Any] = client.get(f"/api/conversations/{listed['id']}/").json()
    return page


def as_written(page: dict[str, Any]) -> None:
    question, answer = page["messages"]
    assert (question["text"], answer["text"]) == (QUESTION, ANSWER)
    assert [one["document"]["name"] for one in answer["sources"]] == ["numbat.md"]
    assert answer["filters"]["path"] == PATH and answer["rating"]["text"] == FEEDBACK
    assert [one["document"]["name"] for one in answer["citations"]] == ["numbat.md"]


def test_no_table_holds_words_of_a_conversation(cast: Cast) -> None:
    home = talk(cast.alice).conversation
    services.rename_conversation(conversation=Conversation.objects.get(pk=home), title=TITLE)
    found = dump()
    assert {"conversations_message", "conversations_foundby", "feedback_rating"} <= found.keys()
    told = {table: [word for word in WORDS if word in rows] for table, rows in found.items()}
    # The trail names the documents that were shown, as their own table does.
    assert {table: words for table, words in told.items() if words} == {"governance_auditentry": ["numbat"]}
    as_written(shown(cast.alice))
    assert shown(cast.alice)["title"] == TITLE


def test_what_an_earlier_version_wrote_is_read_before_while_and_after_it_is_sealed(cast: Cast) -> None:
    talk(cast.alice)
    make_plain()
    assert all(word in "".join(dump().values()) for word in WORDS[:5])
    as_written(shown(cast.alice))
    assert older_texts.left() == older_texts.Done(1, 2)
    assert older_texts.seal_some() == older_texts.Done(1, 2)
    as_written(shown(cast.alice))
    left = {table: rows for table, rows in dump().items() if table != "governance_auditentry"}
    assert not [word for word in WORDS if word in "".join(left.values())]
    assert Message.objects.get(role="assistant").documents == [uuid.UUID(int=5)]
    assert FoundBy.objects.count() == 3
    assert older_texts.seal_some() == older_texts.Done(0, 0)


def test_sealing_goes_on_where_it_was_killed(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        talk(cast.alice)
    make_plain()
    monkeypatch.setattr(older_texts, "_BATCH", 2)
    real, saved = Message.save, iter(range(3))

    def dies(self: Message, *args: Any, **kwargs: Any) -> None:
        if next(saved, None) is None:
            raise KeyboardInterrupt
        real(self, *args, **kwargs)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Message, "save", dies)
        older_texts.seal_some()
    assert older_texts.left() == older_texts.Done(0, 4)  # a batch of two, and not the half of the next
    assert older_texts.seal_some() == older_texts.Done(0, 4)
    assert {row.text for row in Message.objects.all()} == {QUESTION, ANSWER}


def test_sealing_takes_the_time_that_it_is_given_and_says_what_is_left(
    cast: Cast, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    talk(cast.alice)
    make_plain()
    assert older_texts.seal_some(0.0) == older_texts.Done(0, 0)
    call_command("privacy", "seal", "--json")
    assert json.loads(capsys.readouterr().out) == {"conversations": 1, "messages": 2, "left": 0}
    call_command("privacy", "seal")
    assert "Sealed 0 conversations and 0 messages" in capsys.readouterr().out


def test_an_answer_that_is_being_written_is_left_to_its_turn(cast: Cast) -> None:
    started = talk(cast.alice)
    make_plain()
    Message.objects.filter(pk=started.answer).update(status=Message.Status.STREAMING)
    assert older_texts.seal_some() == older_texts.Done(1, 1)
    assert not Message.objects.get(pk=started.answer).indexed


def test_a_text_that_was_moved_to_another_row_is_shown_as_one_that_cannot_be_opened(cast: Cast) -> None:
    talk(cast.alice)
    talk(cast.alice, question="Another one?")
    first, second = Message.objects.filter(role="user").order_by("created_at")
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE conversations_message SET text = (SELECT text FROM conversations_message WHERE id = %s)"
            " WHERE id = %s",
            [first.pk, second.pk],
        )
        cursor.execute(
            "UPDATE conversations_conversation SET title = (SELECT text FROM conversations_message WHERE id = %s)"
            " WHERE id = %s",
            [first.pk, second.conversation_id],
        )
    with pytest.raises(Unreadable):
        _ = Message.objects.get(pk=second.pk).text
    client = signed_in_client(cast.alice)
    listed = client.get("/api/conversations/").json()["conversations"]
    assert sorted((one["title"], one.get("unreadable", False)) for one in listed) == [("", True), (QUESTION, False)]
    page = client.get(f"/api/conversations/{second.conversation_id}/").json()
    assert [one["text"] for one in page["messages"]] == ["", ANSWER]
    assert page["messages"][0]["error"]["code"] == "cannot_be_opened"


def test_without_the_key_the_list_is_there_and_nothing_fails(cast: Cast, settings: Any, forget: Any) -> None:
    started = talk(cast.alice)
    settings.KEY_ENCRYPTION_KEYS = (secrets.token_urlsafe(48),)
    forget()
    page = shown(cast.alice)
    assert page["title"] == "" and {one["error"]["code"] for one in page["messages"]} == {"cannot_be_opened"}
    assert page["messages"][1]["rating"]["rating"] == "bad"
    with pytest.raises(KeyIsMissing):
        ask_all([Question(cast.alice, "And now?", started.conversation, started.answer)])
    assert copies.write(cast.alice, io.BytesIO())["conversations"] == 1


def test_a_copy_tells_of_what_cannot_be_opened(cast: Cast) -> None:
    talk(cast.alice)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE conversations_message SET text = overlay(text placing 'AAAA' from 40)")
    target = io.BytesIO()
    assert copies.write(cast.alice, target)["conversations"] == 1
    with zipfile.ZipFile(target) as archive:
        (name,) = [name for name in archive.namelist() if name.startswith("conversations/")]
        messages = json.loads(archive.read(name))["messages"]
    assert [one["text"] for one in messages] == [{"unreadable": True}] * 2 and messages[1]["sources"]


def test_a_curators_copy_holds_no_note_about_what_somebody_else_asked(cast: Cast) -> None:
    talk(cast.alice)
    Handled.objects.create(rating=Rating.objects.get(), by=cast.bob, note="alice asked about quokkas")
    target = io.BytesIO()
    copies.write(cast.bob, target)
    with zipfile.ZipFile(target) as archive:
        assert not any(b"quokkas" in archive.read(name) for name in archive.namelist())


def test_messages_of_a_destroyed_key_are_shown_as_such(cast: Cast, forget: Any) -> None:
    talk(cast.alice)
    sealing.destroy(cast.alice.pk)
    forget()
    assert {one["error"]["code"] for one in shown(cast.alice)["messages"]} == {"cannot_be_opened"}


def test_one_message_that_cannot_be_opened_does_not_keep_others_from_being_sealed(cast: Cast) -> None:
    talk(cast.alice)
    broken = talk(cast.bob)
    Message.objects.update(indexed=False)
    FoundBy.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE conversations_message SET text = overlay(text placing 'AAAA' from 40) WHERE id = %s",
            [broken.question],
        )
    assert older_texts.seal_some().messages == 4
    assert set(FoundBy.objects.values_list("message", flat=True)) == set(
        Message.objects.exclude(pk=broken.question).values_list("pk", flat=True)
    )


def test_while_the_key_encryption_key_is_away_nothing_is_given_up(cast: Cast, settings: Any, forget: Any) -> None:
    talk(cast.alice)
    Message.objects.update(indexed=False)
    asked = ask_all([Question(cast.alice, "And what lives?")])[0]
    assert isinstance(asked, Started)
    keys, settings.KEY_ENCRYPTION_KEYS = settings.KEY_ENCRYPTION_KEYS, (secrets.token_urlsafe(48),)
    forget()
    assert older_texts.seal_some() == older_texts.Done(0, 0) and older_texts.left().messages == 2
    kept = Checkpoint(asked.turn, asked.answer, cast.alice.pk, "So", "tiny", [], [SOURCE])
    assert services.checkpoint([kept]) == {asked.turn: False} and not services.leave_turn(kept)
    settings.KEY_ENCRYPTION_KEYS = keys
    assert older_texts.seal_some().messages == 2


@pytest.fixture
def unreadable(forget: Callable[[], None]) -> Callable[[User], None]:
    """Makes the key of a person one that is wrapped by a key which is not among the server's."""

    def lose(person: User) -> None:
        PersonKey.objects.filter(person=person.pk).update(wrapped_by="gone")
        forget()

    return lose


def test_one_key_that_cannot_be_read_stops_nobody_elses_heart_beats(cast: Cast, unreadable: Any) -> None:
    people = (cast.alice, cast.bob)
    asked = zip(people, ask_all([Question(person, QUESTION) for person in people]), strict=True)
    turns = {person.pk: one for person, one in asked if isinstance(one, Started)}
    then = timezone.now() - timedelta(seconds=50)
    Turn.objects.update(heartbeat_at=then)
    unreadable(cast.alice)
    kept = [Checkpoint(one.turn, one.answer, owner, "Yes", "tiny", [], [SOURCE]) for owner, one in turns.items()]
    going_on = services.checkpoint(kept)
    theirs, bobs = turns[cast.alice.pk], turns[cast.bob.pk]
    assert going_on == {theirs.turn: False, bobs.turn: True}
    assert not Turn.objects.filter(heartbeat_at=then).exists()
    assert Message.objects.get(pk=bobs.answer).text == "Yes" and Message.objects.get(pk=theirs.answer).text == ""


def test_one_key_that_cannot_be_read_keeps_nobody_elses_texts_plain(
    cast: Cast, unreadable: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(older_texts, "_BATCH", 2)
    for person in (cast.alice, cast.alice, cast.bob, cast.alice, cast.bob):
        talk(person)
    make_plain()
    unreadable(cast.alice)
    assert older_texts.seal_some() == older_texts.Done(2, 4)
    owed = Message.objects.filter(indexed=False)
    assert (
        set(owed.values_list("conversation__owner", flat=True)) == {cast.alice.pk} and older_texts.left().messages == 6
    )
    assert FoundBy.objects.filter(conversation__owner=cast.bob, message__isnull=False).count() == 4


def test_many_messages_are_opened_with_one_query_for_keys(
    cast: Cast, forget: Any, django_assert_num_queries: Any
) -> None:
    home = Conversation.objects.create(owner=cast.alice)
    Message.objects.bulk_create(Message(conversation=home, role="user", text=f"Question {n}?") for n in range(200))
    forget()
    with django_assert_num_queries(2):
        assert {row.text for row in Message.objects.all()} == {f"Question {n}?" for n in range(200)}


def test_a_value_without_its_row_is_refused(cast: Cast) -> None:
    started = talk(cast.alice)
    tries: list[Callable[[], int]] = [
        lambda: Message.objects.filter(pk=started.answer).update(text="plain"),
        lambda: Message.objects.filter(text="plain").count(),
        lambda: Turn.objects.update(filters={"path": "plain"}),
    ]
    for wrong in tries:
        with pytest.raises(TypeError, match="sealed"):
            wrong()
    values = sealed_values(Message, cast.alice.pk, str(started.answer), {"text": "new", "engine": "e"})
    assert isinstance(values["text"], Sealed) and values["engine"] == "e"
    Message.objects.filter(pk=started.answer).update(**values)
    assert Message.objects.get(pk=started.answer).text == "new"


@pytest.mark.parametrize("text", ["s2.", "s2." + "A" * 20, "s2.not sealed at all, " + "A" * 80, "s1." + "A" * 80])
def test_what_looks_a_little_sealed_is_plain(cast: Cast, text: str) -> None:
    home = Conversation.objects.create(owner=cast.alice)
    row = Message.objects.create(conversation=home, role="user", text=text)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE conversations_message SET text = %s WHERE id = %s", [text, row.pk])
    assert Message.objects.get(pk=row.pk).text == text


def test_who_copies_a_row_of_another_person_reads_nothing(cast: Cast) -> None:
    talk(cast.alice)
    theirs = talk(cast.bob)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE conversations_message SET text = (SELECT text FROM conversations_message m JOIN"
            " conversations_conversation c ON c.id = m.conversation_id WHERE c.owner_id = %s LIMIT 1) WHERE id = %s",
            [cast.alice.pk, theirs.question],
        )
    assert shown(cast.bob)["messages"][0]["error"]["code"] == "cannot_be_opened"


def test_keys_are_wrapped_anew_under_conversations(cast: Cast, settings: Any, forget: Any) -> None:
    talk(cast.alice)
    new = (secrets.token_urlsafe(48),)
    settings.KEY_ENCRYPTION_KEYS = new + settings.KEY_ENCRYPTION_KEYS
    keyring.wrap_anew()
    keyring.wrap_anew()
    settings.KEY_ENCRYPTION_KEYS = new
    forget()
    as_written(shown(cast.alice))
    assert not PersonKey.objects.filter(destroyed_at=None).exclude(
        wrapped_by=PersonKey.objects.get(person=cast.alice.pk).wrapped_by
    )


def test_an_interrupted_answer_can_be_found_some_time_later(cast: Cast) -> None:
    started = talk(cast.alice)
    Turn.objects.update(running=True, heartbeat_at=timezone.now() - timedelta(hours=1))
    Message.objects.filter(pk=started.answer).update(status=Message.Status.STREAMING, indexed=False)
    FoundBy.objects.filter(message=started.answer).delete()
    assert services.sweep() == 1
    older_texts.seal_some()
    assert FoundBy.objects.filter(message=started.answer).exists()


def test_taking_it_back_opens_batch_after_batch_and_goes_on_where_it_was_killed(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        talk(cast.alice)
    monkeypatch.setattr(plain_again, "_BATCH", 2)
    run, real, opened = plain_again.opened("conversations_message", "text"), sealing.unseal_named, iter(range(3))

    def dies(sealed: str, about: str) -> str | None:
        if next(opened, None) is None:
            raise KeyboardInterrupt
        return real(sealed, about)

    def plain() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM conversations_message WHERE text NOT LIKE 's2.%%'", [])
            (count,) = cursor.fetchone()
        return int(count)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt), connection.schema_editor(atomic=False) as it:
        patch.setattr(sealing, "unseal_named", dies)
        run(None, it)
    assert plain() == 2  # a batch, and not the half of the next
    with CaptureQueriesContext(connection) as queries, connection.schema_editor(atomic=False) as it:
        run(None, it)
    selects = [one["sql"] for one in queries if one["sql"].startswith("SELECT id")]
    assert plain() == 4 and ["id >" in sql for sql in selects] == [False, True]


def test_the_migration_can_be_taken_back_and_made_again(cast: Cast) -> None:
    """Then everything is plain, as the version before reads it."""
    talk(cast.alice)
    executor = MigrationExecutor(connection)
    there = executor.loader.graph.leaf_nodes()
    before = [("conversations", "0005_masked_values_and_grounding"), ("feedback", "0001_initial")]
    try:
        executor.migrate(before)
        with connection.cursor() as cursor:
            cursor.execute("SELECT text, sources FROM conversations_message WHERE role = 'assistant'")
            text, sources = cursor.fetchone()
            cursor.execute("SELECT title FROM conversations_conversation")
            (title,) = cursor.fetchone()
            cursor.execute("SELECT text FROM feedback_rating")
            (feedback,) = cursor.fetchone()
    finally:
        executor = MigrationExecutor(connection)
        executor.migrate(there)
    assert (text, json.loads(sources), title, feedback) == (ANSWER, [SOURCE], QUESTION, FEEDBACK)
    older_texts.seal_some()
    as_written(shown(cast.alice))
    assert Citation.objects.get().quote == QUOTE
