"""What people send about answers is read by those who look after the documents, and seen to."""

from __future__ import annotations

import io
import re
import threading
import time
import zipfile
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chatapp.accounts.models import User
from chatapp.conversations.admission import continue_answer
from chatapp.conversations.masked import keep_values
from chatapp.conversations.models import Conversation, Message
from chatapp.feedback import curating
from chatapp.feedback.errors import HandledMeanwhile
from chatapp.feedback.models import Handled, Rating
from chatapp.feedback.remasking import masked_again
from chatapp.governance.models import AuditEntry
from chatapp.organisations.services import create_organisation, move_person
from chatapp.privacy.copies import write as write_copy
from chatapp.privacy.erasure import erase
from chatapp.privacy.models import RetentionRule
from chatapp.privacy.retention import forget_conversations
from chatapp.roles.models import Role
from chatapp.roles.services import appoint
from chatapp.safety.models import FilterRule, WordList
from chatapp.safety.policy import forget as forget_rules
from retrieval.models import Document
from tests.conftest import Cast, signed_in_client
from tests.sharing.conversations import document, say

BAD = {"rating": "bad", "reasons": ["wrong"], "text": "It is thirty.", "correction": "30 days.", "curators": True}


@dataclass
class Told:
    """Alice asked about leave; bob looks after the document that answered, charlie after another one."""

    alice: Client
    bob: Client
    charlie: Client
    home: Conversation
    answer: Message
    leave: Document
    pay: Document

    def send(self, body: dict[str, Any] = BAD, answer: Message | None = None, status: int = 200) -> Any:
        address = f"/api/messages/{(answer or self.answer).pk}/rating/"
        reply = self.alice.put(address, body, content_type="application/json")
        assert reply.status_code == status, reply.content
        return reply.json()


@pytest.fixture(autouse=True)
def nobody_has_rated_yet() -> None:
    cache.clear()


@pytest.fixture
def told(cast: Cast) -> Told:
    leave, pay = document("leave.md", everyone=True), document("pay.md", group=cast.alice.groups.get())
    appoint(role=Role.CURATOR, to=cast.bob, collection=leave.collection, by=None)
    appoint(role=Role.CURATOR, to=cast.charlie, collection=pay.collection, by=None)
    home = Conversation.objects.create(owner=cast.alice, title="Leave")
    question = say(home, None, "user", "How much leave is there?")
    answer = say(home, question, "assistant", "There are 28 days. [1]", leave, engine="local: tiny")
    alice, bob, charlie = (signed_in_client(one) for one in (cast.alice, cast.bob, cast.charlie))
    return Told(alice, bob, charlie, home, answer, leave, pay)


def page(client: Client, query: str = "") -> str:
    reply = client.get(f"/feedback/{query}")
    assert reply.status_code == 200, reply.content
    return str(reply.content.decode())


def handle(client: Client, row: Rating, note: str = "Mended.", seen: str | None = None, query: str = "") -> Any:
    seen = curating.stamp(row) if seen is None else seen
    return client.post(f"/feedback/{row.pk}/handled/{query}", {"note": note, "seen": seen})


def reopen(client: Client, row: Rating, seen: int | str) -> Any:
    return client.post(f"/feedback/{row.pk}/open/", {"seen": seen})


def test_a_curator_reads_question_answer_words_and_the_passages_beside_them(told: Told) -> None:
    told.send()
    shown = page(told.bob)
    for words in ("How much leave is there?", "There are 28 days. [1]", "It is thirty.", "30 days.", "It is wrong"):
        assert words in shown, words
    passage = told.leave.passages.get()
    assert "Words of leave.md." in shown and "cited" in shown
    assert f'href="/documents/{told.leave.pk}/passages/?start=0#passage-{passage.ordinal + 1}"' in shown
    assert "/documents/search/#question=How%20much%20leave%20is%20there%3F" in shown
    assert "Written by tiny (on this server)" in shown
    assert "alice" not in shown  # who asked is not told


def test_a_rating_that_was_not_sent_to_them_is_shown_to_no_curator(told: Told) -> None:
    told.send({**BAD, "curators": False})
    assert "How much leave" not in page(told.bob)
    assert told.send()["curators"] is True
    assert "How much leave" in page(told.bob)
    told.send({"rating": "good"})  # thought better of it
    assert "How much leave" not in page(told.bob) and "How much leave" not in page(told.bob, "?state=all")


def test_only_who_looks_after_a_document_behind_the_answer_reads_it(told: Told, cast: Cast) -> None:
    told.send()
    row = Rating.objects.get()
    assert "How much leave" not in page(told.charlie)  # reads the document, and looks after another one
    assert told.charlie.get(f"/feedback/{row.pk}/").status_code == 404
    assert handle(told.charlie, row).status_code == 404 and not Handled.objects.exists()
    assert told.alice.get("/feedback/").status_code == 404  # looks after nothing
    assert told.alice.get(f"/feedback/{row.pk}/").status_code == 404
    assert "How much leave" in page(signed_in_client(cast.administrator))
    assert Client().get("/feedback/").status_code == 302
    asked = (told.charlie.get(f"/feedback/{pk}/", headers={"accept": "application/json"}) for pk in (row.pk, 10**6))
    gone, absent = (one.content for one in asked)
    assert gone == absent


def test_an_answer_that_also_rests_on_what_they_may_not_read_is_withheld(told: Told) -> None:
    question = say(told.home, told.answer, "user", "> There are 28 days.\n\nAnd the pay?")
    answer = say(told.home, question, "assistant", "A million. [2]", told.leave, told.pay)
    told.send(answer=answer)
    shown = page(told.bob)
    assert "This answer rests on documents that you may not read." in shown and "A million" not in shown
    assert "Words of leave.md." in shown and "pay.md" not in shown
    assert "1 passage is gone, or not for you to read." in shown
    assert "And the pay?" in shown and "&gt; There are" not in shown
    assert "It is thirty." in shown  # what the asker writes is theirs to show


def test_an_answer_that_follows_such_a_one_is_withheld_too(told: Told) -> None:
    closed = say(told.home, told.answer, "assistant", "A million. [1]", told.pay)
    question = say(told.home, closed, "user", "> A million.\n\nReally, how much leave?")
    answer = say(told.home, question, "assistant", "28 days, and a million. [1]", told.leave)
    told.send(answer=answer)
    shown = page(told.bob)
    assert "This answer follows one that rests on documents" in shown
    assert "million" not in shown and "Really, how much leave?" in shown


def test_what_is_written_after_it_was_sent_is_not_shown(told: Told) -> None:
    Message.objects.filter(pk=told.answer.pk).update(status=Message.Status.STOPPED)
    told.send()
    continue_answer(user=User.objects.get(pk=told.home.owner_id), message=told.answer.pk)
    other = document("other.md", everyone=True)
    answer = Message.objects.get(pk=told.answer.pk)
    source = {"number": 2, "passage": other.passages.get().pk, "document": {"id": str(other.pk), "name": other.name}}
    answer.text += " Unsent words. [2]"
    answer.sources, answer.documents = [*answer.sources, source], [*(answer.documents or ()), other.pk]
    answer.status = Message.Status.COMPLETE
    answer.save()
    shown = page(told.bob)
    assert "There are 28 days. [1]" in shown and "Words of leave.md." in shown and "cited" in shown
    assert "Unsent" not in shown and "other.md" not in shown
    told.send()  # now with the rest
    shown = page(told.bob)
    assert "Unsent words. [2]" in shown and "Words of other.md." in shown


def test_a_passage_that_the_continuation_alone_cites_is_not_told_as_cited(told: Told) -> None:
    question = say(told.home, told.answer, "user", "And now?")
    answer = say(told.home, question, "assistant", "There are", told.leave, status=Message.Status.STOPPED)
    told.send(answer=answer)
    assert "cited" not in page(told.bob)
    answer.text += " 28. [1]"
    answer.save()
    assert "cited" not in page(told.bob)
    told.send(answer=answer)
    assert "cited" in page(told.bob)


def test_what_may_be_read_is_asked_at_each_reading(told: Told) -> None:
    told.send()
    told.leave.collection.everyone = False
    told.leave.collection.save()
    told.leave.restricted = True  # with readers of its own, of whom the curator is none
    told.leave.save()
    shown = page(told.bob)
    assert "28 days" not in shown and "Words of leave.md" not in shown and "How much leave" in shown
    told.leave.delete()
    assert "How much leave" not in page(told.bob)


def test_a_document_that_was_read_anew_is_named_without_the_passage(told: Told) -> None:
    told.send()
    told.leave.passages.all().delete()
    shown = page(told.bob)
    assert "leave.md" in shown and "this passage is no longer there" in shown and "Words of" not in shown


def test_another_organisation_reads_nothing_nor_does_the_one_that_was_left(told: Told, cast: Cast) -> None:
    told.send()
    elsewhere = create_organisation(name="Elsewhere", slug="elsewhere", by=None)
    stranger = User.objects.create_user("eve@elsewhere", organisation=elsewhere)
    stranger.groups.add(cast.bob.groups.get())
    appoint(role=Role.ORGANISER, to=stranger, by=None)
    assert "How much leave" not in page(signed_in_client(stranger))
    move_person(person=cast.alice, to=elsewhere, by=None)
    assert "How much leave" not in page(told.bob)
    assert "How much leave" not in page(signed_in_client(User.objects.get(pk=stranger.pk)))


def test_nobody_is_shown_anything_of_a_temporary_chat(told: Told) -> None:
    Conversation.objects.update(temporary=True)
    refused = told.send(status=400)
    assert "temporary" in refused["error"]["message"] and not Rating.objects.exists()
    told.send({**BAD, "curators": False})
    Rating.objects.update(sent_at=timezone.now(), open=True)  # as by a fault elsewhere
    assert "How much leave" not in page(told.bob)


def test_what_is_masked_stays_masked_also_in_what_the_asker_types(told: Told, cast: Cast) -> None:
    keep_values(told.home.pk, cast.alice.pk, {"[email 1]": "ada@example.com"})
    question = say(told.home, None, "user", "What does [email 1] say?")
    answer = say(told.home, question, "assistant", "Ask [email 1].", told.leave)
    typed = {**BAD, "text": "ADA@example.com has left.", "correction": "Write to <ada@example.com>."}
    said = told.send(typed, answer)
    assert said["text"] == "ada@example.com has left." and "<ada@example.com>" in said["correction"]
    shown = page(told.bob)
    assert "example.com" not in shown.lower() and "[email 1] has left." in shown and "Ask [email 1]." in shown
    assert told.alice.get(f"/api/conversations/{told.home.pk}/").json()["messages"][-1]["rating"] == said


@pytest.mark.parametrize(
    "typed",
    [
        "+491701234567", "+49-170/12 34 567", "+49\u00a0170\u202f1234567", "+49 (170) 1234567", "+49 170 123\u200b4567",
        "\u0664\u0669 170 1234567", "Ada\u00a0Lovelace", "ada-lovelace", "AdaLovelace", "Ren\u00e9e", "Rene\u0301e",
        "I.T. Dept.",
    ],
)  # fmt: skip
def test_what_is_masked_stays_masked_however_it_is_spelled(told: Told, cast: Cast, typed: str) -> None:
    values = {"[phone 1]": "+49 170 1234567", "[name 1]": "Ada Lovelace", "[phone 2]": "491701234567"}
    keep_values(told.home.pk, cast.alice.pk, values | {"[name 2]": "Ren\u00e9e", "[term 1]": "I.T. Dept."})
    told.send({**BAD, "text": f"Ask {typed}, now.", "correction": f"({typed})"})
    row = Rating.objects.get()
    assert re.fullmatch(r"Ask \[(phone|name|term) \d\], now\.", row.text), row.text
    assert re.fullmatch(r"\(\[(phone|name|term) \d\]\)", row.correction), row.correction
    assert typed not in page(told.bob)


@pytest.mark.parametrize(
    "typed", ["1.2 of it", "not able", "Adam Lovelace", "xAda Lovelace", "Ada .... Lovelace", "Renee", "Ada Love"]
)
def test_other_words_stay_as_they_were_typed(told: Told, cast: Cast, typed: str) -> None:
    values = {
        "[term 1]": "12",
        "[term 2]": "notable",
        "[name 1]": "Ada Lovelace",
        "[name 2]": "Rene",
        "[term 3]": "- .",
    }
    keep_values(told.home.pk, cast.alice.pk, values)
    assert told.send({**BAD, "text": typed})["text"] == typed
    assert Rating.objects.get().text == typed


def test_of_values_that_overlap_the_longest_is_masked_and_the_longest_text_takes_no_time() -> None:
    known = {"[name 1]": "Ada", "[name 2]": "Ada Lovelace", "[term 1]": "2"}
    assert masked_again("Ada, Ada\u00a0Lovelace (2)", known) == "[name 1], [name 2] ([term 1])"
    many = {f"[term {n}]": "1" * (500 + n) + " x" for n in range(500)}
    begun = time.perf_counter()
    for text in ("1 " * 1000, "1" * 2000, "1" * 1999 + "y"):
        assert masked_again(text, many) == text
    assert time.perf_counter() - begun < 10  # seconds; 0.7 were measured


def test_rules_hold_for_what_is_sent_and_for_who_reads_it(told: Told, cast: Cast) -> None:
    rule = FilterRule.objects.create(
        what="words", words=WordList.objects.create(name="Names", terms="Quillwort"), where="question", action="block"
    )
    forget_rules()
    refused = told.send({**BAD, "text": "Quillwort!"}, status=422)
    assert refused["error"]["code"] == "content_blocked" and not Rating.objects.exists()
    rule.delete()
    forget_rules()
    told.send({**BAD, "text": "Quillwort!"})
    FilterRule.objects.create(
        what="words", words=WordList.objects.get(), where="question", action="mask", group=cast.bob.groups.get()
    )
    forget_rules()
    assert "Quillwort" not in page(told.bob)


def test_it_is_marked_as_handled_and_that_is_undone(told: Told, cast: Cast) -> None:
    told.send()
    row = Rating.objects.get()
    reply = handle(told.bob, row, " Mended the handbook. ", query="?bad=1")
    assert reply.headers["Location"] == f"/feedback/?bad=1&done={row.pk}"
    after = page(told.bob, f"?bad=1&done={row.pk}")
    assert "How much leave" not in after and "It is marked as handled." in after
    shown = page(told.bob, "?state=handled")
    assert "Handled by bob" in shown and "Mended the handbook." in shown
    assert reopen(told.bob, row, Handled.objects.get().pk).status_code == 302
    assert "How much leave" in page(told.bob) and not Handled.objects.exists()
    lines = AuditEntry.objects.filter(action__in=("feedback.handled", "feedback.reopened")).order_by("pk")
    assert [(one.action, one.actor_id, one.subject) for one in lines] == [
        ("feedback.handled", cast.bob.pk, f"feedback {row.pk}"),
        ("feedback.reopened", cast.bob.pk, f"feedback {row.pk}"),
    ]
    assert all("Mended" not in f"{one.detail}{one.sealed}" for one in lines)


def test_who_comes_second_is_told_and_keeps_their_note(told: Told, cast: Cast) -> None:
    told.send()
    row, other = Rating.objects.get(), signed_in_client(cast.administrator)
    assert handle(other, row, "Mine.").status_code == 302
    late = handle(told.bob, row, "My own note.")
    assert late.status_code == 409
    shown = late.content.decode()
    assert "Somebody else has handled this meanwhile." in shown
    assert "Handled by administrator" in shown and "Mine." in shown and "My own note." in shown
    assert Handled.objects.get().note == "Mine."


def test_one_of_two_in_the_same_moment_is_told(told: Told, cast: Cast) -> None:
    told.send()
    row = Rating.objects.get()
    begin, outcomes = threading.Barrier(2), list[str]()

    def one(by: User) -> None:
        try:
            begin.wait(10)
            curating.handle(pk=row.pk, by=by, seen=curating.stamp(row), note=by.username)
            outcomes.append("handled")
        except HandledMeanwhile:
            outcomes.append("told")
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(by,)) for by in (cast.bob, cast.administrator)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["handled", "told"] and Handled.objects.count() == 1


def test_what_is_said_anew_is_open_again_and_not_handled_unseen(told: Told) -> None:
    told.send()
    row = Rating.objects.get()
    seen = curating.stamp(row)
    assert handle(told.bob, row).status_code == 302
    told.send({**BAD, "text": "Now it is worse."})
    assert not Handled.objects.exists()
    late = handle(told.bob, row, seen=seen)
    assert late.status_code == 409 and "Now it is worse." in late.content.decode()
    assert not Handled.objects.exists()


def test_an_undo_undoes_what_was_seen_alone(told: Told) -> None:
    told.send()
    row = Rating.objects.get()
    assert reopen(told.bob, row, "").status_code == 409
    handle(told.bob, row, "First.")
    first = Handled.objects.get().pk
    reopen(told.bob, row, first)
    handle(told.bob, row, "Second.")
    assert reopen(told.bob, row, first).status_code == 409
    assert Handled.objects.get().note == "Second."


def test_a_note_that_is_too_long_or_a_page_elsewhere_changes_nothing(told: Told, cast: Cast) -> None:
    told.send()
    row = Rating.objects.get()
    assert handle(told.bob, row, "x" * 1001).status_code == 400
    elsewhere = Client(enforce_csrf_checks=True)
    elsewhere.force_login(cast.bob)
    assert handle(elsewhere, row).status_code == 403
    assert told.bob.get(f"/feedback/{row.pk}/handled/").status_code == 405
    assert not Handled.objects.exists()


def many(told: Told, number: int, first: int = 0) -> list[Rating]:
    """Sent a minute after each other, but for pairs of the same moment; the newest is the last."""
    rows, began = [], timezone.now() - timedelta(days=1)
    for place in range(first, first + number):
        question = say(told.home, None, "user", f"Question {place:03}?")
        answer = say(told.home, question, "assistant", "It says so. [1]", told.leave)
        sent_at = began + timedelta(minutes=place // 2)
        rows.append(
            Rating.objects.create(
                message=answer, person=told.home.owner, value=-1 + 2 * (place % 2), sent_at=sent_at, open=True
            )
        )
    return rows


def questions(shown: str) -> list[str]:
    return [one[:3] for one in shown.split("Question ")[1:] if one[:3].isdigit()]


def test_pages_go_on_where_the_one_before_ended_whatever_comes_meanwhile(told: Told) -> None:
    many(told, 45)
    reply, seen = page(told.bob), list[str]()
    for turned in range(3):
        seen += questions(reply)
        many(told, 1, first=100 + turned)  # newer than all
        if "Older</a>" not in reply:
            break
        older = reply.split('">Older</a>')[0].rsplit('href="', 1)[1].replace("&amp;", "&")
        reply = told.bob.get(older).content.decode()
    assert seen == [f"{place:03}" for place in reversed(range(45))]
    assert "Newest</a>" in reply


def test_filters_leave_what_they_say(told: Told) -> None:
    many(told, 4)
    told.send()
    assert questions(page(told.bob, "?bad=1")) == ["002", "000"] and "30 days." in page(told.bob, "?bad=1")
    assert questions(page(told.bob, "?corrected=1")) == [] and "30 days." in page(told.bob, "?corrected=1")
    there, other = told.leave.collection_id, told.pay.collection_id
    assert len(questions(page(told.bob, f"?collection={there}"))) == 4
    assert "Nothing fits" in page(told.bob, f"?collection={other}")
    nonsense = page(told.bob, "?state=no&collection=x&before=99999999999999999999-1&bad=yes&done=x")
    assert len(questions(nonsense)) == 4
    assert "Nothing fits" in page(told.bob, "?before=1-1")
    assert "Nothing fits" not in page(told.bob, f"?before={10**17 - 1}-1")


def test_the_way_there_says_how_many_are_open(told: Told) -> None:
    assert '<a href="/feedback/">' in told.bob.get("/").content.decode()
    rows = many(told, 3)
    assert "3 open" in told.bob.get("/").content.decode()
    handle(told.bob, rows[0])
    assert "2 open" in told.bob.get("/").content.decode()
    assert "/feedback/" not in told.alice.get("/").content.decode()
    assert "open</span>" not in told.charlie.get("/").content.decode()


def test_what_was_shown_stands_in_the_trail_without_its_words(told: Told, cast: Cast) -> None:
    told.send()
    page(told.bob)
    line = AuditEntry.objects.get(action="feedback.shown")
    assert (line.actor_id, line.detail["feedback"]) == (cast.bob.pk, [Rating.objects.get().pk])
    assert "leave" not in f"{line.subject}{line.detail}{line.sealed}"


def test_a_page_takes_as_many_queries_for_twenty_as_for_two(told: Told) -> None:
    many(told, 2)
    with CaptureQueriesContext(connection) as few:
        page(told.bob)
    many(told, 18)
    with CaptureQueriesContext(connection) as all_of_them:
        page(told.bob)
    assert len(all_of_them) <= len(few) + 1


def test_it_goes_with_the_rating_the_conversation_and_its_person(told: Told, cast: Cast) -> None:
    for address in (f"/api/messages/{told.answer.pk}/rating/", f"/api/conversations/{told.home.pk}/"):
        told.send()
        handle(told.bob, Rating.objects.get())
        told.alice.delete(address)
        assert not Handled.objects.exists() and "How much leave" not in page(told.bob, "?state=all")


def test_retention_takes_it(told: Told) -> None:
    told.send()
    handle(told.bob, Rating.objects.get())
    RetentionRule.objects.create(days=3)
    Conversation.objects.update(updated_at=timezone.now() - timedelta(days=4))
    assert forget_conversations() == 1
    assert not Rating.objects.exists() and not Handled.objects.exists()


def test_erasing_the_asker_takes_all_erasing_the_curator_their_name(told: Told, cast: Cast) -> None:
    told.send()
    handle(told.bob, Rating.objects.get(), "Mended.")
    erase(cast.bob)
    kept = Handled.objects.get()
    assert kept.by is None and kept.note == "Mended."
    other = signed_in_client(cast.administrator)
    assert "bob" not in page(other, "?state=handled") and "Mended." in page(other, "?state=handled")
    erase(cast.alice)
    assert not Handled.objects.exists() and not Rating.objects.exists()


def test_who_asks_for_a_copy_of_what_is_kept_gets_what_they_sent(told: Told, cast: Cast) -> None:
    told.send()
    handle(told.bob, Rating.objects.get(), "Mended.")
    copies = {}
    for person in (cast.alice, cast.bob):
        target = io.BytesIO()
        write_copy(person, target)
        with zipfile.ZipFile(target) as archive:
            copies[person.username] = "".join(archive.read(name).decode() for name in archive.namelist())
    assert "30 days." in copies["alice"] and "Mended." in copies["alice"]
    assert not [word for word in ("30 days.", "How much leave", "Mended.") if word in copies["bob"]]


def test_the_database_holds_neither_correction_nor_note_in_plain_words(told: Told) -> None:
    told.send()
    handle(told.bob, Rating.objects.get(), "Mended the handbook.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT text, correction FROM feedback_rating UNION ALL SELECT note, '' FROM feedback_handled")
        stored = str(cursor.fetchall())
    assert "thirty" not in stored and "30 days" not in stored and "Mended" not in stored


def test_what_nobody_can_open_is_said_to_be_so(told: Told) -> None:
    told.send()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE conversations_message SET text = overlay(text placing 'AAAA' from length(text) - 8)")
    shown = page(told.bob)
    assert "This text cannot be opened." in shown and "It is thirty." in shown
