"""What is shared is read by those it was shared with, as far as they may read what it rests on, and until it ends."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group
from django.db.models import JSONField, Value
from django.test import Client
from django.utils import timezone

from chatapp import access
from chatapp.accounts.models import User
from chatapp.conversations.masked import keep_values
from chatapp.conversations.models import Conversation, Message
from chatapp.errors import NotFound
from chatapp.governance.models import AuditEntry
from chatapp.organisations.services import create_organisation, move_person
from chatapp.privacy.erasure import erase
from chatapp.sharing import services
from chatapp.sharing.models import Share
from tests.conftest import Cast, signed_in_client
from tests.privacy.test_sealed_texts import dump
from tests.sharing.conversations import Written, say, written

WITHHELD = "This answer rests on documents that you may not read."
BELOW = "This answer follows one that rests on documents that you may not read, and may repeat it."


@pytest.fixture
def talk(cast: Cast) -> Written:
    return written(cast.alice, cast.alice.groups.get())


def share(user: User, row: Conversation, **whom: Any) -> Any:
    return signed_in_client(user).post(f"/api/conversations/{row.pk}/shares/", whom, content_type="application/json")


def shared_with_bob(cast: Cast, talk: Written, **more: Any) -> str:
    answer = share(cast.alice, talk.conversation, person="bob", **more)
    assert answer.status_code == 201, answer.content
    number: str = answer.json()["id"]
    return number


def page(user: User, number: Any, **headers: str) -> Any:
    return signed_in_client(User.objects.get(pk=user.pk)).get(f"/shared/{number}/", headers=headers)


def read(user: User, number: Any) -> str:
    answer = page(user, number)
    assert answer.status_code == 200
    text: str = answer.content.decode()
    return text


def is_gone(user: User, number: Any) -> bool:
    """And looks like what was never there."""
    nothing, theirs = (page(user, one, accept="application/json") for one in (uuid.uuid4(), number))
    assert theirs.status_code != 404 or theirs.content == nothing.content
    return bool(theirs.status_code == 404)


def test_a_reader_sees_what_they_may_read_and_no_more(cast: Cast, talk: Written) -> None:
    text = read(cast.bob, shared_with_bob(cast, talk))
    assert "Shared by alice" in text and "How many days?" in text and "28 days. [1]" in text
    assert "Written by tiny (on this server)" in text
    assert "Words of leave.md" in text and f"/documents/{talk.open.pk}/file/" in text
    assert "A million" not in text and "salaries" not in text and str(talk.closed.pk) not in text
    # The last answer rests on what they may read, but may repeat the one that they may not; so may a quotation.
    assert "as I said" not in text and text.count(WITHHELD) == text.count(BELOW) == 1
    assert "And what do they earn?" in text and "Really?" in text and "&gt; A million" not in text


def test_what_the_reader_may_read_is_asked_at_each_reading(cast: Cast, talk: Written) -> None:
    number = shared_with_bob(cast, talk)
    board = cast.alice.groups.get()
    cast.bob.groups.add(board)
    assert "A million." in read(cast.bob, number) and WITHHELD not in read(cast.bob, number)
    cast.bob.groups.remove(board)
    assert "A million." not in read(cast.bob, number)
    talk.open.delete()
    text = read(cast.bob, number)
    assert "28 days" not in text and text.count(WITHHELD) == 3 and BELOW not in text


def test_an_answer_whose_documents_nobody_knows_is_withheld(cast: Cast, talk: Written) -> None:
    Message.objects.filter(pk=talk.messages[1].pk).update(documents=None)
    number = shared_with_bob(cast, talk)
    assert "28 days. [1]" in read(cast.bob, number)  # its sources still tell
    Message.objects.filter(pk=talk.messages[1].pk).update(sources=Value("s2." + "A" * 80, JSONField()))
    assert "28 days. [1]" not in read(cast.bob, number)


def test_it_stays_as_it_stood_until_it_is_renewed(cast: Cast, talk: Written) -> None:
    first_two = str(talk.messages[1].pk)
    number = shared_with_bob(cast, talk, message=first_two)
    assert "what do they earn" not in read(cast.bob, number)
    answer = talk.messages[1]
    answer.text += " And five more."
    answer.save(update_fields=["text"])
    assert "five more" not in read(cast.bob, number)
    alice = signed_in_client(cast.alice)
    renewed = alice.post(f"/api/shares/{number}/", {"message": first_two}, content_type="application/json")
    assert renewed.status_code == 200 and "five more" in read(cast.bob, number)
    assert shared_with_bob(cast, talk) == number and "what do they earn" in read(cast.bob, number)
    assert Share.objects.count() == 1


def test_masked_values_are_never_shown(cast: Cast, talk: Written) -> None:
    keep_values(talk.conversation.pk, cast.alice.pk, {"[email 1]": "ada@example.com"})
    say(talk.conversation, talk.messages[1], "user", "Write to [email 1].")
    text = read(cast.bob, shared_with_bob(cast, talk))
    assert "[email 1]" in text and "ada@example.com" not in text


def test_with_a_group_it_is_for_its_members_while_they_are_in_it(cast: Cast, talk: Written) -> None:
    owners = cast.alice.groups.get()
    answer = share(cast.alice, talk.conversation, group=owners.pk)
    number = answer.json()["id"]
    assert answer.json()["group"] == "owners" and is_gone(cast.bob, number)
    cast.bob.groups.add(owners)
    assert "A million." in read(cast.bob, number)
    cast.bob.groups.clear()
    assert is_gone(cast.bob, number)
    cast.bob.groups.add(owners)
    owners.delete()
    assert is_gone(cast.bob, number) and not Share.objects.exists()


@pytest.mark.parametrize("who", ["charlie", "administrator"])
def test_nobody_else_reads_renews_or_ends_it(cast: Cast, talk: Written, who: str) -> None:
    number, other = shared_with_bob(cast, talk), signed_in_client(getattr(cast, who))
    assert is_gone(getattr(cast, who), number)
    for client in (other, signed_in_client(cast.bob)):
        for method, path in (
            ("post", "/api/shares/{}/"),
            ("delete", "/api/shares/{}/"),
            ("post", "/shared/{}/revoke/"),
        ):
            theirs, nothing = (
                getattr(client, method)(
                    path.format(pk), {}, content_type="application/json", headers={"Accept": "application/json"}
                )
                for pk in (number, uuid.uuid4())
            )
            assert (
                (theirs.status_code, theirs.content) == (nothing.status_code, nothing.content) == (404, nothing.content)
            )
        assert client.get(f"/api/conversations/{talk.conversation.pk}/shares/").status_code == 404
        assert client.get(f"/api/conversations/{talk.conversation.pk}/").status_code == 404
    assert Share.objects.count() == 1
    assert Client().get(f"/shared/{number}/").status_code == 302


def test_it_ends_when_it_is_revoked(cast: Cast, talk: Written) -> None:
    number, alice = shared_with_bob(cast, talk), signed_in_client(cast.alice)
    assert alice.delete(f"/api/shares/{number}/").status_code == 204
    assert is_gone(cast.bob, number) and alice.delete(f"/api/shares/{number}/").status_code == 404
    again = shared_with_bob(cast, talk)
    assert alice.post(f"/shared/{again}/revoke/").headers["Location"] == "/shared/" and is_gone(cast.bob, again)


@pytest.mark.parametrize("whose", ["alice", "bob"])
def test_it_ends_with_the_account_of_either(cast: Cast, talk: Written, whose: str) -> None:
    number, person = shared_with_bob(cast, talk), getattr(cast, whose)
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert page(cast.bob, number).status_code != 200
    User.objects.filter(pk=person.pk).update(is_active=True)
    assert page(cast.bob, number).status_code == 200
    erase(person)
    assert not Share.objects.exists()
    if whose == "alice":
        assert is_gone(cast.bob, number)


@pytest.mark.parametrize("whose", ["alice", "bob"])
def test_it_ends_when_either_leaves_the_organisation_and_does_not_come_back(
    cast: Cast, talk: Written, whose: str
) -> None:
    number, person = shared_with_bob(cast, talk), getattr(cast, whose)
    home = person.organisation
    move_person(person=person, to=create_organisation(name="Other", slug="other", by=None), by=None)
    assert is_gone(cast.bob, number)
    move_person(person=User.objects.get(pk=person.pk), to=home, by=None)
    assert is_gone(cast.bob, number)


def test_only_people_and_groups_of_the_house_can_be_shared_with(cast: Cast, talk: Written) -> None:
    other = create_organisation(name="Other", slug="other", by=None)
    User.objects.create_user("eve@other", email="eve@example.com", organisation=other)
    User.objects.filter(pk=cast.charlie.pk).update(is_active=False)
    User.objects.create_user("importer", is_service=True, owner=cast.alice)
    foreign = Group.objects.create(name="foreign")
    for name in ("eve@other", "eve", "eve@example.com", "charlie", "importer", "alice", "nobody", "", "  "):
        answer = share(cast.alice, talk.conversation, person=name)
        assert answer.status_code == 400, name
        assert answer.json()["error"]["message"] == "There is nobody of this name whom you can share with."
    for group in (foreign.pk, cast.bob.groups.get().pk, 0, -1, 2**40):
        answer = share(cast.alice, talk.conversation, group=group)
        assert answer.status_code == 400
        assert answer.json()["error"]["message"] == "There is no such group that you can share with."
    for body in ({}, {"person": "bob", "group": 1}, {"person": 7}, {"group": True}, {"person": "bob", "message": 7}):
        assert share(cast.alice, talk.conversation, **body).status_code == 400, body
    assert not Share.objects.exists()
    User.objects.filter(pk=cast.bob.pk).update(email="bob@example.com")
    assert share(cast.alice, talk.conversation, person=" Bob@Example.com ").status_code == 201


def test_somebody_is_found_by_the_name_that_is_shown_unless_two_have_it(cast: Cast, talk: Written) -> None:
    User.objects.filter(pk=cast.bob.pk).update(first_name="Bo", last_name="Lind")
    assert share(cast.alice, talk.conversation, person="bo lind").status_code == 201
    assert Share.objects.get().person == cast.bob
    User.objects.filter(pk=cast.charlie.pk).update(first_name="Bo", last_name="Lind")
    assert share(cast.alice, talk.conversation, person="Bo Lind").status_code == 400


def test_shares_are_bounded(cast: Cast, talk: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MOST_OF_ONE", 1)
    shared_with_bob(cast, talk)
    shared_with_bob(cast, talk)  # the same again is a renewal
    assert share(cast.alice, talk.conversation, person="charlie").status_code == 400
    monkeypatch.setattr(services, "MOST_OF_ONE", 50)
    monkeypatch.setattr(services, "MOST", 1)
    assert share(cast.alice, talk.conversation, person="charlie").status_code == 400
    assert Share.objects.count() == 1


def test_what_is_being_written_and_what_is_temporary_is_not_shared(cast: Cast, talk: Written) -> None:
    chat = Conversation.objects.create(owner=cast.alice, temporary=True)
    assert share(cast.alice, chat, person="bob").status_code == 400
    new = Conversation.objects.create(owner=cast.alice, title="New")
    question = say(new, None, "user", "How?")
    say(new, question, "assistant", "So far", status="streaming")
    assert share(cast.alice, new, person="bob").status_code == 400
    assert share(cast.alice, new, person="bob", message=str(uuid.uuid4())).status_code == 404


def test_the_lists_say_what_is_shared_by_whom_with_whom(cast: Cast, talk: Written) -> None:
    alice, bob = signed_in_client(cast.alice), signed_in_client(cast.bob)
    assert alice.get("/api/folders/").json()["shared"] == {"received": False, "given": False}
    number = shared_with_bob(cast, talk)
    assert alice.get("/api/folders/").json()["shared"] == {"received": False, "given": True}
    assert bob.get("/api/folders/").json()["shared"] == {"received": True, "given": False}
    listed = bob.get("/shared/").content.decode()
    assert f"/shared/{number}/" in listed and "by alice" in listed and "You share nothing" in listed
    given = alice.get("/shared/").content.decode()
    assert f"/shared/{number}/revoke/" in given and "with bob" in given and "Nothing is shared with you" in given
    of_one = alice.get(f"/api/conversations/{talk.conversation.pk}/shares/").json()
    assert [one["person"] for one in of_one["shares"]] == ["bob"]
    assert [one["name"] for one in of_one["groups"]] == ["owners"]
    assert alice.get(f"/shared/{number}/").headers["Location"] == f"/c/{talk.conversation.pk}/"


def test_the_trail_tells_of_it_and_no_table_holds_its_words(cast: Cast, talk: Written) -> None:
    number = shared_with_bob(cast, talk)
    signed_in_client(cast.alice).delete(f"/api/shares/{number}/")
    lines = list(AuditEntry.objects.filter(action__startswith="conversation.").order_by("pk"))
    assert [line.action for line in lines] == ["conversation.shared", "conversation.unshared"]
    assert all(line.actor_id == cast.alice.pk and line.whole_subject.endswith("bob") for line in lines)
    assert lines[0].detail["conversation"] == str(talk.conversation.pk)
    shared_with_bob(cast, talk)
    assert "28 days" not in dump()["sharing_share"] and "million" not in dump()["governance_auditentry"]


def test_a_share_ends_with_its_conversation(cast: Cast, talk: Written) -> None:
    number = shared_with_bob(cast, talk)
    talk.conversation.delete()
    assert is_gone(cast.bob, number)


def test_a_conversation_that_its_owner_left_behind_is_shared_no_more(cast: Cast, talk: Written) -> None:
    number = shared_with_bob(cast, talk)
    User.objects.filter(pk=cast.alice.pk).update(organisation_since=timezone.now() + timedelta(seconds=1))
    assert is_gone(cast.bob, number)


def test_whoever_left_and_came_back_reads_what_is_shared_with_them_again(cast: Cast, talk: Written) -> None:
    number = shared_with_bob(cast, talk)
    User.objects.filter(pk=cast.bob.pk).update(organisation_since=timezone.now())
    assert is_gone(cast.bob, number)
    again = shared_with_bob(cast, talk)
    assert "28 days" in read(cast.bob, again)
    User.objects.filter(pk=cast.bob.pk).update(organisation_since=timezone.now())
    assert is_gone(cast.bob, again)


@pytest.mark.parametrize("act", ["renew", "revoke"])
def test_a_share_that_another_tab_has_ended_is_not_there(cast: Cast, talk: Written, act: str) -> None:
    row = Share.objects.get(pk=shared_with_bob(cast, talk))
    Share.objects.all().delete()
    lines = AuditEntry.objects.count()
    with pytest.raises(NotFound):
        services.renew(cast.alice, row, None) if act == "renew" else services.revoke(cast.alice, row)
    assert not Share.objects.exists() and AuditEntry.objects.count() == lines


def test_anonymous_visitors_have_nothing_to_share(cast: Cast, talk: Written) -> None:
    shared_with_bob(cast, talk)
    nobody = AnonymousUser()
    for found in (access.shares_given, access.groups_to_share_with, access.people_to_share_with):
        assert not found(nobody).exists()


def test_the_page_lists_as_many_shares_as_are_possible(cast: Cast, talk: Written) -> None:
    people = User.objects.bulk_create(
        User(username=f"reader{number}", organisation_id=cast.bob.tenant) for number in range(210)
    )
    Share.objects.bulk_create(
        Share(owner=cast.alice, conversation=talk.conversation, person=one, messages=[], lengths=[],
              renewed_at=timezone.now()) for one in people
    )  # fmt: skip
    listed = signed_in_client(cast.alice).get("/shared/").content.decode()
    assert listed.count("/revoke/") == 210
