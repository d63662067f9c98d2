"""Pins, the archive, folders, and several conversations at once: one's own alone, whatever is sent."""

from __future__ import annotations

import io
import re
import time
import uuid
import zipfile
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chatapp.accounts.models import User
from chatapp.conversations import folders
from chatapp.conversations.admission import Question, Started, ask_all
from chatapp.conversations.models import MOST_PINNED, Conversation, Folder, FoundBy, Message
from chatapp.privacy import copies
from chatapp.privacy.erasure import erase
from chatapp.safety.models import FilterRule, WordList
from tests.conftest import Cast, signed_in_client
from tests.privacy.test_sealed_texts import dump

FRESH_S = 1.2  # a process keeps the rules for a second
LIST, FOLDERS, SEVERAL = "/api/conversations/", "/api/folders/", "/api/conversations/several/"


def begun(owner: User, title: str, **kept: Any) -> Conversation:
    return Conversation.objects.create(owner=owner, title=title, **kept)


def change(client: Client, row: Conversation, **changes: Any) -> Any:
    return client.patch(f"{LIST}{row.pk}/", changes, content_type="application/json")


def several(client: Client, ids: Any, **what: Any) -> Any:
    return client.post(SEVERAL, {"ids": ids, **what}, content_type="application/json")


def make_folder(client: Client, name: Any = "Travel") -> Any:
    return client.post(FOLDERS, {"name": name}, content_type="application/json")


def titles(rows: list[dict[str, Any]]) -> list[str]:
    return [row["title"] for row in rows]


def test_pinned_ones_stand_above_the_others(cast: Cast) -> None:
    old, _, new = (begun(cast.alice, title) for title in ("old", "middle", "new"))
    alice = signed_in_client(cast.alice)
    before = alice.get(LIST).json()["conversations"][-1]["updated_at"]
    answer = change(alice, old, pinned=True).json()
    assert answer == {"id": str(old.pk), "title": "old", "updated_at": before, "pinned": True}
    page = alice.get(LIST, {"limit": 1}).json()
    assert titles(page["pinned"]) == ["old"] and titles(page["conversations"]) == ["new"]
    older = alice.get(LIST, {"before": page["next"]}).json()
    assert "pinned" not in older and titles(older["conversations"]) == ["middle"]
    change(alice, new, pinned=True)
    change(alice, old, pinned=False)
    page = alice.get(LIST).json()
    assert titles(page["pinned"]) == ["new"] and titles(page["conversations"]) == ["middle", "old"]


def test_pins_are_bounded_and_a_refused_one_changes_nothing(cast: Cast) -> None:
    rows = [begun(cast.alice, str(number)) for number in range(MOST_PINNED + 1)]
    alice = signed_in_client(cast.alice)
    answer = several(alice, [str(row.pk) for row in rows], pinned=True)
    assert answer.status_code == 400 and "50" in answer.json()["error"]["message"]
    assert not Conversation.objects.filter(pinned=True).exists()
    assert several(alice, [str(row.pk) for row in rows[1:]], pinned=True).json() == {"done": MOST_PINNED}
    assert change(alice, rows[0], pinned=True).status_code == 400


def test_what_is_archived_lies_apart_and_is_found(cast: Cast) -> None:
    (started,) = ask_all([Question(cast.alice, "Do quokkas smile?")])
    assert isinstance(started, Started)
    row, alice = Conversation.objects.get(pk=started.conversation), signed_in_client(cast.alice)
    nothing = {"folders": [], "archived": False, "shared": {"received": False, "given": False}}
    assert alice.get(FOLDERS).json() == nothing
    assert change(alice, row, pinned=True).status_code == 200
    assert "pinned" not in change(alice, row, archived=True).json()
    assert alice.get(LIST).json()["conversations"] == [] and alice.get(LIST).json()["pinned"] == []
    assert titles(alice.get(LIST, {"archived": "1"}).json()["conversations"]) == ["Do quokkas smile?"]
    assert alice.get(FOLDERS).json()["archived"] is True
    (found, *_) = alice.get("/api/conversations/search/?q=quokkas").json()["results"]
    assert found["conversation"]["archived"] is True
    assert change(alice, row, pinned=True).json().get("archived") is None


def test_a_new_question_brings_it_back(cast: Cast) -> None:
    row = begun(cast.alice, "Leave", archived=True)
    question = Message.objects.create(conversation=row, role="user", text="How many days?")
    answer = Message.objects.create(conversation=row, parent=question, role="assistant", text="28")
    (started,) = ask_all([Question(cast.alice, "And in May?", conversation=row.pk, parent=answer.pk)])
    assert isinstance(started, Started)
    row.refresh_from_db()
    assert not row.archived


def test_folders_hold_conversations_and_leave_them_when_they_go(cast: Cast) -> None:
    row, other, alice = begun(cast.alice, "Lisbon"), begun(cast.alice, "Leave"), signed_in_client(cast.alice)
    made = make_folder(alice, "  Travel \n plans ")
    assert made.status_code == 201 and made.json()["name"] == "Travel plans"
    folder = made.json()["id"]
    assert change(alice, row, folder=folder).json()["folder"] == folder
    assert titles(alice.get(LIST, {"folder": folder}).json()["conversations"]) == ["Lisbon"]
    assert titles(alice.get(LIST).json()["conversations"]) == ["Leave", "Lisbon"]
    assert alice.get(FOLDERS).json()["folders"] == [{"id": folder, "name": "Travel plans", "conversations": 1}]
    renamed = alice.patch(f"{FOLDERS}{folder}/", {"name": "Trips"}, content_type="application/json")
    assert renamed.json() == {"id": folder, "name": "Trips", "conversations": 1}
    assert several(alice, [str(other.pk)], folder=folder).json() == {"done": 1}
    assert "folder" not in change(alice, other, folder=None).json()
    assert alice.delete(f"{FOLDERS}{folder}/").status_code == 204
    row.refresh_from_db()
    assert row.folder is None and Conversation.objects.count() == 2


def test_folders_are_bounded_and_their_names_differ(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MOST_FOLDERS", 2)
    alice = signed_in_client(cast.alice)
    first = make_folder(alice, "Travel").json()["id"]
    assert make_folder(alice, "TRAVEL").status_code == 400
    for name in ("", "   ", "x" * 81, None, ["a"]):
        assert make_folder(alice, name).status_code == 400, name
    assert make_folder(alice, "Tax").status_code == 201
    assert make_folder(alice, "More").status_code == 400
    taken = alice.patch(f"{FOLDERS}{first}/", {"name": "tax"}, content_type="application/json")
    assert taken.status_code == 400 and Folder.objects.get(pk=first).name == "Travel"
    assert make_folder(signed_in_client(cast.bob), "Travel").status_code == 201


def test_rules_about_content_hold_for_names_of_folders(cast: Cast) -> None:
    words = WordList.objects.create(name="secret", terms="Waterwheel")
    FilterRule.objects.create(what="words", words=words, where="question", action="block")
    time.sleep(FRESH_S)
    assert make_folder(signed_in_client(cast.alice), "The Waterwheel").status_code == 422
    assert not Folder.objects.exists()


@pytest.mark.parametrize("who", ["bob", "charlie", "administrator"])
def test_for_anybody_else_nothing_is_there(cast: Cast, who: str) -> None:
    row, other = begun(cast.alice, "Leave"), signed_in_client(getattr(cast, who))
    own = begun(getattr(cast, who), "Own")
    folder = make_folder(signed_in_client(cast.alice)).json()["id"]
    for absent, theirs in ((str(uuid.uuid4()), folder),):
        answers = [
            [
                other.patch(f"{FOLDERS}{pk}/", {"name": "Mine"}, content_type="application/json"),
                other.delete(f"{FOLDERS}{pk}/"),
                other.get(LIST, {"folder": pk}),
                change(other, own, folder=pk),
            ]
            for pk in (absent, theirs)
        ]
        told = [[(one.status_code, one.json()) for one in some] for some in answers]
        assert told[0] == told[1] and {status for status, _ in told[0]} == {404}
    for what in ({"delete": True}, {"archived": True}, {"pinned": True}, {"folder": None}):
        nothing, theirs = several(other, [str(uuid.uuid4())], **what), several(other, [str(row.pk)], **what)
        assert (nothing.status_code, nothing.json()) == (theirs.status_code, theirs.json()) == (404, theirs.json())
    assert several(other, [str(row.pk), str(own.pk)], archived=True).json() == {"done": 1}
    row.refresh_from_db()
    assert not row.archived and Folder.objects.get().name == "Travel"


def test_several_are_archived_moved_and_deleted_at_once(cast: Cast) -> None:
    rows = [begun(cast.alice, str(number)) for number in range(4)]
    alice, ids = signed_in_client(cast.alice), [str(row.pk) for row in rows]
    folder = make_folder(alice).json()["id"]
    assert several(alice, ids[:3], archived=True, folder=folder).json() == {"done": 3}
    assert alice.get(FOLDERS).json()["folders"][0]["conversations"] == 0
    assert several(alice, ids[:2], archived=False).json() == {"done": 2}
    assert titles(alice.get(LIST, {"folder": folder}).json()["conversations"]) == ["1", "0"]
    assert several(alice, [*ids[1:], str(uuid.uuid4())], delete=True).json() == {"done": 3}
    assert list(Conversation.objects.values_list("pk", flat=True)) == [rows[0].pk]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": [], "archived": True},
        {"ids": "all", "archived": True},
        {"ids": ["x"], "archived": True},
        {"ids": [str(uuid.uuid4())] * 201, "archived": True},
        {"ids": [str(uuid.uuid4())]},
        {"ids": [str(uuid.uuid4())], "delete": "yes"},
        {"ids": [str(uuid.uuid4())], "delete": "yes", "archived": True},
        {"ids": [1, 2], "archived": True},
        {"ids": [str(uuid.uuid4()), None], "archived": True},
        {"ids": [str(uuid.uuid4())], "archived": 1},
        {"ids": [str(uuid.uuid4())], "archived": True, "pinned": True},
        {"ids": [str(uuid.uuid4())], "folder": 7},
    ],
)
def test_what_cannot_be_is_refused(cast: Cast, body: dict[str, Any]) -> None:
    alice = signed_in_client(cast.alice)
    assert alice.post(SEVERAL, body, content_type="application/json").status_code == 400


def test_the_doors_ask_who_is_there(cast: Cast) -> None:
    nobody = Client(headers={"Accept": "application/json"})
    assert nobody.get(FOLDERS).status_code == several(nobody, [str(uuid.uuid4())], delete=True).status_code == 401
    alice = signed_in_client(cast.alice)
    assert alice.get(LIST, {"archived": "yes"}).status_code == 400


def test_a_temporary_chat_is_kept_nowhere(cast: Cast) -> None:
    chat, alice = begun(cast.alice, "", temporary=True), signed_in_client(cast.alice)
    for changes in ({"pinned": True}, {"archived": True}, {"folder": None}):
        assert change(alice, chat, **changes).status_code == 400
    assert several(alice, [str(chat.pk)], archived=True).status_code == 404
    assert several(alice, [str(chat.pk)], delete=True).status_code == 404
    assert Conversation.objects.get().temporary


def test_names_are_sealed_copied_and_erased(cast: Cast) -> None:
    alice = signed_in_client(cast.alice)
    make_folder(alice, "Wombats")
    assert "wombats" not in dump()["conversations_folder"]
    target = io.BytesIO()
    copies.write(cast.alice, target)
    with zipfile.ZipFile(target) as archive:
        assert b"Wombats" in archive.read("conversations.folder.owner.json")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE conversations_folder SET name = left(name, 70) || repeat('A', length(name) - 70)")
    (broken,) = alice.get(FOLDERS).json()["folders"]
    assert broken["unreadable"] is True and broken["name"] == ""
    assert make_folder(alice, "Quokkas").status_code == 201
    erase(cast.alice)
    assert not Folder.objects.exists()


def test_whoever_moves_to_another_organisation_leaves_folders_behind(cast: Cast) -> None:
    alice = signed_in_client(cast.alice)
    folder = make_folder(alice).json()["id"]
    User.objects.filter(pk=cast.alice.pk).update(organisation_since=timezone.now())
    again = signed_in_client(User.objects.get(pk=cast.alice.pk))
    assert again.get(FOLDERS).json()["folders"] == []
    assert again.delete(f"{FOLDERS}{folder}/").status_code == 404


def test_a_title_and_how_it_is_kept_change_together_or_not_at_all(cast: Cast) -> None:
    row, alice = begun(cast.alice, "Leave"), signed_in_client(cast.alice)
    assert change(alice, row, title="Days off", pinned=True).json()["title"] == "Days off"
    assert change(alice, row, title="Other", folder=str(uuid.uuid4())).status_code == 404
    row.refresh_from_db()
    assert row.title == "Days off" and row.pinned and FoundBy.objects.count() == 1
    assert change(alice, row, title=7, pinned=False).status_code == 400
    row.refresh_from_db()
    assert row.pinned


def locks(found: CaptureQueriesContext) -> list[str]:
    """-> the tables in the order in which their rows are locked or changed"""
    tables = re.compile(r'^(?:UPDATE|DELETE FROM) "(\w+)"|FROM "(\w+)".* FOR (?:NO KEY )?UPDATE', re.S)
    matches = (tables.search(one["sql"]) for one in found.captured_queries)
    return [match[1] or match[2] for match in matches if match]


@pytest.mark.parametrize("act", ["both", "several", "delete several", "rename folder", "delete folder"])
def test_each_act_locks_the_person_before_anything_else(cast: Cast, act: str) -> None:
    row, alice = begun(cast.alice, "Leave"), signed_in_client(cast.alice)
    folder = make_folder(alice).json()["id"]
    change(alice, row, folder=folder)
    with CaptureQueriesContext(connection) as found:
        match act:
            case "both":
                answer = change(alice, row, title="Days off", pinned=True)
            case "several":
                answer = several(alice, [str(row.pk)], folder=folder)
            case "delete several":
                answer = several(alice, [str(row.pk)], delete=True)
            case "rename folder":
                answer = alice.patch(f"{FOLDERS}{folder}/", {"name": "Trips"}, content_type="application/json")
            case _:
                answer = alice.delete(f"{FOLDERS}{folder}/")
    assert answer.status_code in (200, 204)
    order = [table for table in locks(found) if table.startswith(("accounts_user", "conversations_"))]
    assert order[0] == "accounts_user" and len(order) > 1


def test_further_pages_do_not_look_for_pinned_ones(cast: Cast) -> None:
    begun(cast.alice, "Leave", pinned=True)
    alice = signed_in_client(cast.alice)
    queries: list[tuple[dict[str, str], int]] = [
        ({}, 1), ({"before": "2026-01-31T12:00:00+00:00"}, 0), ({"archived": "1"}, 0)
    ]  # fmt: skip
    for query, expected in queries:
        with CaptureQueriesContext(connection) as found:
            assert alice.get(LIST, query).status_code == 200
        wanted = 'AND "conversations_conversation"."pinned"'
        assert sum(wanted in one["sql"] for one in found.captured_queries) == expected, query
