"""What comes in from a file: bounded, judged like what people ask, marked as imported, and never with a source."""

from __future__ import annotations

import json
import time
import tracemalloc
from typing import Any

import pytest
from django.test import Client

from chatapp.accounts.models import User
from chatapp.conversations.admission import Question, Started, ask_all
from chatapp.conversations.models import Citation, Conversation, MaskedValue, Message
from chatapp.governance.models import AuditEntry
from chatapp.limits.models import Limit
from chatapp.limits.rules import rules
from chatapp.safety import gates
from chatapp.safety.askers import RulesFor, rules_for
from chatapp.safety.models import FilterRule, WordList
from chatapp.sharing import imported_files, importing
from tests.conftest import Cast, signed_in_client
from tests.conversations.test_keeping import FRESH_S
from tests.privacy.test_sealed_texts import dump
from tests.sharing.conversations import say, written

DOOR = "/api/conversations/import/"


def bring(user: User, value: Any) -> Any:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return signed_in_client(user).post(DOOR, body, content_type="application/json")


def ours(*messages: tuple[str, str], title: str = "Leave") -> dict[str, Any]:
    rows = [
        {"id": str(at), "parent": str(at - 1) if at else None, "role": role, "text": text}
        for at, (role, text) in enumerate(messages)
    ]
    return {"format": "footnote.conversation", "version": 1, "title": title, "messages": rows}


def node(key: str, parent: str | None, role: str = "", *parts: Any, **message: Any) -> dict[str, Any]:
    said = {"author": {"role": role}, "content": {"content_type": "text", "parts": list(parts)}, **message}
    return {"id": key, "parent": parent, "children": [], "message": said if role else None}


def theirs(*nodes: dict[str, Any]) -> dict[str, Any]:
    return {"title": "Trip", "create_time": 1.7e9, "mapping": {one["id"]: one for one in nodes}, "current_node": "x"}


def texts(row: Conversation) -> list[tuple[str, str]]:
    return [(one.role, one.text) for one in row.messages.order_by("created_at")]


def test_what_was_exported_comes_in_again_with_all_its_branches(cast: Cast) -> None:
    talk = written(cast.alice, cast.alice.groups.get())
    say(talk.conversation, talk.messages[0], "assistant", "30 days, says another try. [1]", talk.open)
    alice = signed_in_client(cast.alice)
    exported = alice.get(f"/api/conversations/{talk.conversation.pk}/export/?form=json").content
    answer = bring(cast.bob, exported)
    assert answer.status_code == 201, answer.content
    (pk,) = answer.json()["conversations"]
    row = Conversation.objects.get(pk=pk)
    assert (row.owner, row.title) == (cast.bob, "Leave")
    assert sorted(texts(row)) == sorted(texts(talk.conversation))
    answers = row.messages.filter(role="assistant")
    assert {(one.engine, len(one.sources), one.status) for one in answers} == {("imported", 0, "complete")}
    assert not Citation.objects.filter(message__conversation=row).exists()
    again = signed_in_client(cast.bob).get(f"/api/conversations/{pk}/export/?form=json").json()
    before = json.loads(exported)
    assert [one["text"] for one in again["messages"]] and {one["text"] for one in again["messages"]} == {
        one["text"] for one in before["messages"]
    }
    assert all(one["citations"] == [] for one in again["messages"])


def test_chatgpts_export_comes_in_without_what_nobody_was_shown(cast: Cast) -> None:
    row = theirs(
        node("root", None),
        node("system", "root", "system", "You are helpful."),
        node("hidden", "system", "user", "secret", metadata={"is_visually_hidden_from_conversation": True}),
        node("q", "hidden", "user", "Where to?", {"asset_pointer": "file-service://x"}),
        node("call", "q", "assistant", "search('Lisbon')", recipient="browser"),
        node("tool", "call", "tool", "results"),
        node("a1", "tool", "assistant", "To Lisbon."),
        node("a2", "a1", "assistant", "In May."),
        node("q2", "a2", "user", "Why?"),
        node("b", "q", "assistant", "To Porto."),
        node("loop1", "loop2", "user", "never"),
        node("loop2", "loop1", "user", "reached"),
    )
    (pk,) = bring(cast.alice, [row]).json()["conversations"]
    home = Conversation.objects.get(pk=pk)
    assert home.title == "Trip"
    said = texts(home)
    assert ("user", "Where to?") in said and ("assistant", "To Lisbon.\n\nIn May.") in said
    assert ("assistant", "To Porto.") in said and ("user", "Why?") in said and len(said) == 4
    why = home.messages.select_related("parent").get(parent__parent__isnull=False)
    assert why.parent is not None and "Lisbon" in why.parent.text


def test_it_can_be_asked_on_searched_and_says_where_it_is_from(cast: Cast) -> None:
    (pk,) = bring(cast.alice, ours(("user", "Do quokkas smile?"), ("assistant", "They do."))).json()["conversations"]
    alice = signed_in_client(cast.alice)
    (found,) = alice.get("/api/conversations/search/?q=quokkas").json()["results"]
    assert found["conversation"]["id"] == pk
    answer = alice.get(f"/api/conversations/{pk}/").json()["messages"][1]
    assert (answer["engine"], answer["sources"], answer["citations"]) == ("imported", [], [])
    assert "Imported: written elsewhere" in alice.get(f"/c/{pk}/print/").content.decode()
    assert "*imported*" in alice.get(f"/api/conversations/{pk}/export/?form=markdown").content.decode()
    (started,) = ask_all([Question(cast.alice, "Why?", conversation=pk, parent=answer["id"])])
    assert isinstance(started, Started)
    assert "quokkas" not in dump()["conversations_message"]
    assert signed_in_client(cast.bob).get(f"/api/conversations/{pk}/").status_code == 404


def test_rules_about_content_hold_and_each_conversation_comes_in_whole_or_not_at_all(cast: Cast) -> None:
    words = WordList.objects.create(name="secret", terms="Waterwheel")
    FilterRule.objects.create(what="words", words=words, where="question", action="block")
    FilterRule.objects.create(what="email", where="question", action="seal")
    time.sleep(FRESH_S)
    good = ours(("user", "Write to ada@example.com"), ("assistant", "I wrote to ada@example.com, as to [email 1]."))
    bad = ours(("user", "Fine."), ("assistant", "The Waterwheel turns."), title="Not this")
    answer = bring(cast.alice, [bad, good]).json()
    (refused,) = answer["refused"]
    assert refused["title"] == "Not this" and refused["error"]["code"]
    (pk,) = answer["conversations"]
    assert Conversation.objects.count() == 1 and Message.objects.count() == 2
    assert texts(Conversation.objects.get()) == [
        ("user", "Write to [email 2]"),
        ("assistant", "I wrote to [email 2], as to [email 1]."),
    ]
    assert MaskedValue.objects.get().name == "[email 2]"
    shown = signed_in_client(cast.alice).get(f"/api/conversations/{pk}/").json()["messages"]
    assert shown[1]["text"] == "I wrote to ada@example.com, as to [email 1]."


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"\xff\xfe", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a": NaN}', "not JSON"),
        ([], "1 to 100"),
        ([{}] * 101, "1 to 100"),
        (7, "Conversation 1 is none"),
        ({"messages": []}, "no form that is known"),
        ({"format": "footnote.conversation", "version": 2, "messages": []}, "another version"),
        ({"format": "footnote.conversation", "version": 1, "messages": {}}, "no list of messages"),
        (ours(("system", "x")), "neither a question nor an answer"),
        (ours(("user", " \u0000 ")), "no message with text"),
        (ours(("user", "x" * 100_001)), "more than 100,000 characters"),
        (ours(*[("user", "x")] * 2_001), "more than 2,000 messages"),
        (ours(("user", "x")) | {"messages": [{"role": "user", "id": 1, "text": "x"}]}, "no text"),
        ({"mapping": {"a": 7}}, "message that is none"),
        ({"mapping": {"a": {"parent": [], "message": None}}}, "no text"),
        ([ours(("user", "fine")), {"mapping": []}], "Conversation 2"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_one_reason_and_nothing_comes_in(cast: Cast, body: Any, said: str) -> None:
    answer = bring(cast.alice, body)
    assert answer.status_code == 400 and answer.json()["error"]["code"] == "not_imported"
    assert said in answer.json()["error"]["message"]
    assert not Conversation.objects.exists()


def test_odd_parts_of_a_foreign_message_are_passed_over(cast: Cast) -> None:
    odd: list[Any] = [
        {"author": 7, "content": {"parts": ["x"]}},
        {"author": {"role": "user"}, "content": "x"},
        {"author": {"role": "user"}, "content": {"parts": [None, 7, {}]}},
        {"author": {"role": ["user"]}, "content": {"parts": ["x"]}},
        "nothing",
    ]
    nodes = {str(at): {"parent": None, "message": message} for at, message in enumerate(odd)}
    nodes["good"] = {"parent": "4", "message": {"author": {"role": "user"}, "content": {"parts": ["Hello"]}}}
    (pk,) = bring(cast.alice, {"title": 7, "mapping": nodes}).json()["conversations"]
    row = Conversation.objects.get(pk=pk)
    assert texts(row) == [("user", "Hello")] and row.title == "Hello"


def test_it_counts_as_an_upload(cast: Cast) -> None:
    Limit.objects.create(resource="uploads", amount=1, seconds=3600, user=cast.alice)
    rules.forget()  # which a process keeps for a while
    assert bring(cast.alice, ours(("user", "One"))).status_code == 201
    refused = bring(cast.alice, ours(("user", "Two")))
    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) > 0
    assert Conversation.objects.count() == 1


def test_the_trail_tells_of_it_and_strangers_bring_in_nothing(cast: Cast) -> None:
    bring(cast.alice, ours(("user", "One"), ("assistant", "Two")))
    (line,) = AuditEntry.objects.filter(action="conversation.imported")
    assert line.actor_id == cast.alice.pk
    assert line.detail == {"form": "footnote", "questions": 1, "answers": 1}
    assert Client(headers={"Accept": "application/json"}).post(DOOR, b"[]", "application/json").status_code == 401


def test_a_long_chain_is_read_without_deep_calls() -> None:
    rows = [("user" if at % 2 else "assistant", str(at)) for at in range(2_000)]
    (read,) = imported_files.read(json.dumps(ours(*rows)).encode())
    assert len(read.messages) == 2_000 and read.messages[-1].parent == 1_998


def caterpillar(segments: int, size: int) -> list[dict[str, Any]]:
    """A chain of messages of one role, each with a second child: each of these repeats all that stands above it."""
    body = []
    for at in range(segments):
        above = f"s{at - 1}" if at else None
        body.append({"id": f"s{at}", "parent": above, "role": "user", "text": "x" * size})
        body.append({"id": f"leg{at}", "parent": above, "role": "user", "text": "y"})
    return body


def test_a_file_that_repeats_itself_in_its_branches_is_refused_before_it_grows(cast: Cast) -> None:
    tree = ours() | {"messages": caterpillar(900, 100)}
    tracemalloc.start()
    answer = bring(cast.alice, tree)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert answer.status_code == 400 and "repeats too much" in answer.json()["error"]["message"]
    assert most < 20_000_000  # joined, it would be 80 MB of text
    long = bring(cast.alice, ours() | {"messages": chain(60, 2_000)})
    assert "more than 100,000 characters" in long.json()["error"]["message"]
    assert bring(cast.alice, ours() | {"messages": caterpillar(3, 100)}).status_code == 201
    assert Conversation.objects.count() == 1


def test_the_rules_are_looked_up_once_for_all_messages(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[object] = []

    def counted(*what: Any) -> RulesFor:
        looked_up.append(what)
        return rules_for(*what)

    monkeypatch.setattr(gates, "rules_for", counted)
    monkeypatch.setattr(importing, "rules_for", counted)
    rows = [("user", "Hello"), ("assistant", "Hi")] * 20
    assert bring(cast.alice, [ours(*rows, title=""), ours(*rows, title="")]).status_code == 201
    assert len(looked_up) == 1


def chain(segments: int, size: int) -> list[dict[str, Any]]:
    return [one for one in caterpillar(segments, size) if one["id"].startswith("s")]


def test_the_limit_is_asked_before_the_file_is_read(cast: Cast) -> None:
    Limit.objects.create(resource="uploads", amount=1, seconds=3600, user=cast.alice)
    rules.forget()  # which a process keeps for a while
    assert bring(cast.alice, b"{").status_code == 400
    assert bring(cast.alice, b"{").status_code == 429
