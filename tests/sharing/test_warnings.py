"""What the page of a chat warns of goes with an answer wherever it is read."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest

from chatapp.accounts.models import User
from chatapp.conversations.models import Conversation, Message
from chatapp.safety import policy
from chatapp.safety.models import FilterRule
from tests.conftest import Cast, signed_in_client
from tests.sharing.conversations import Written, say, written

HELD, WRONG, LAST = (
    "You have 25 days. [1]",
    "Up to **12 days** may be carried. [1]",
    "Ask bob@example.com for more [1].",
)
TEXT = f"{HELD} {WRONG}\n\n- {LAST}\n"
PLACES = [[TEXT.index(one), TEXT.index(one) + len(one)] for one in (WRONG, LAST)]
NOT_BORNE_OUT = "2 sentences are not borne out: the passages that they name do not say so."
DOUBT = "The documents may not answer this: the search is 32 % sure that they do."


@pytest.fixture(autouse=True)
def _rules_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "_FRESH_S", 0)


@pytest.fixture
def talk(cast: Cast) -> Written:
    return written(cast.alice, cast.alice.groups.get())


def warned(talk: Written, **fields: Any) -> Message:
    return say(talk.conversation, talk.messages[2], "assistant", TEXT, talk.open, **fields)


def doubted(talk: Written, confidence: float = 0.32, **fields: Any) -> Message:
    row = say(talk.conversation, talk.messages[2], "assistant", f"“{HELD}” [1]", talk.open, engine="extractive")
    row.sources = [one | {"confidence": confidence} for one in row.sources]
    for name, value in fields.items():
        setattr(row, name, value)
    row.save()
    return row


def exported(user: User, row: Conversation, form: str) -> str:
    content: bytes = signed_in_client(user).get(f"/api/conversations/{row.pk}/export/", {"form": form}).content
    return content.decode()


def printed(user: User, row: Conversation) -> str:
    content: bytes = signed_in_client(user).get(f"/c/{row.pk}/print/").content
    return html.unescape(content.decode())


def read_by_bob(cast: Cast, talk: Written) -> str:
    return html.unescape(_page_of_bob(cast, _shared(cast, talk)))


def _shared(cast: Cast, talk: Written) -> str:
    where = f"/api/conversations/{talk.conversation.pk}/shares/"
    answer = signed_in_client(cast.alice).post(where, {"person": "bob"}, content_type="application/json")
    number: str = answer.json()["id"]
    return number


def _page_of_bob(cast: Cast, number: str) -> str:
    content: bytes = signed_in_client(cast.bob).get(f"/shared/{number}/").content
    return content.decode()


def places_in(page: str) -> Any:
    found = re.search(r'data-places="([^"]*)"', page)
    return json.loads(found[1]) if found else None


def test_sentences_that_are_not_borne_out_are_told_on_pages(cast: Cast, talk: Written) -> None:
    warned(talk, unsupported=PLACES, engine="local: tiny")
    for page in (read_by_bob(cast, talk), printed(cast.alice, talk.conversation)):
        assert NOT_BORNE_OUT in page and places_in(page) == PLACES


def test_one_sentence_is_told_as_one(cast: Cast, talk: Written) -> None:
    warned(talk, unsupported=PLACES[:1])
    words = "One sentence is not borne out: the passages that it names do not say so."
    assert words in read_by_bob(cast, talk) and words in exported(cast.alice, talk.conversation, "markdown")


def test_where_the_rules_of_the_reader_change_the_text_the_sentence_stands_alone(cast: Cast, talk: Written) -> None:
    FilterRule.objects.create(what="email", where="answer", action="mask")
    warned(talk, unsupported=PLACES)
    page = read_by_bob(cast, talk)
    assert "bob@example.com" not in page and NOT_BORNE_OUT in page and places_in(page) is None


@pytest.mark.parametrize("where", ["blocked", "withheld"])
def test_of_what_is_not_shown_nothing_is_told(cast: Cast, talk: Written, where: str) -> None:
    if where == "blocked":
        FilterRule.objects.create(what="email", where="answer", action="block")
        warned(talk, unsupported=PLACES)
    else:
        say(talk.conversation, talk.messages[2], "assistant", TEXT, talk.closed, unsupported=PLACES)
    page = read_by_bob(cast, talk)
    assert "not borne out" not in page and places_in(page) is None


def test_of_what_was_added_since_it_was_shared_nothing_is_told(cast: Cast, talk: Written) -> None:
    row = warned(talk)
    number = _shared(cast, talk)
    row.text, row.unsupported = f"{TEXT} {WRONG}", [*PLACES, [len(TEXT) + 1, len(TEXT) + 1 + len(WRONG)]]
    row.save()
    page = html.unescape(_page_of_bob(cast, number))
    assert NOT_BORNE_OUT in page and places_in(page) == PLACES


def test_markdown_names_the_sentences(cast: Cast, talk: Written) -> None:
    warned(talk, unsupported=PLACES, engine="local: tiny")
    text = exported(cast.alice, talk.conversation, "markdown")
    named = "- “Up to **12 days** may be carried.”\n- “Ask bob@example.com for more.”"
    assert f"*tiny (on this server)*\n\n**{NOT_BORNE_OUT}**\n\n{named}\n\n[^4-1]: leave.md" in text


def test_doubts_of_the_search_are_told_with_quotations(cast: Cast, talk: Written) -> None:
    doubted(talk)
    pages = (read_by_bob(cast, talk), printed(cast.alice, talk.conversation))
    for text in (*pages, exported(cast.alice, talk.conversation, "markdown")):
        assert DOUBT in text and "not borne out" not in text


@pytest.mark.parametrize(
    "fields",
    [
        {"confidence": 0.29},
        {"confidence": 0.6},
        {"status": "stopped"},
        {"text": "Nothing was found."},
        {"written_by": [{"engine": "extractive", "from": 0}, {"engine": "local: tiny", "from": 10}]},
        {"engine": "local: tiny"},
    ],
)
def test_nothing_is_doubted_where_the_page_does_not(cast: Cast, talk: Written, fields: dict[str, Any]) -> None:
    doubted(talk, **fields)
    assert "may not answer this" not in printed(cast.alice, talk.conversation)


def test_a_later_writer_that_wrote_nothing_counts_as_none(cast: Cast, talk: Written) -> None:
    doubted(talk, written_by=[{"engine": "local: tiny", "from": 0}, {"engine": "extractive", "from": 0}])
    assert DOUBT in printed(cast.alice, talk.conversation)


def test_json_holds_both_and_comes_in_with_and_without_them(cast: Cast, talk: Written) -> None:
    warned(talk, unsupported=PLACES)
    doubted(talk)
    told = json.loads(exported(cast.alice, talk.conversation, "json"))
    last, doubtful = told["messages"][-2:]
    assert last["unsupported"] == PLACES and last["confidence"] is None
    assert [last["text"][start:end] for start, end in last["unsupported"]] == [WRONG, LAST]
    assert doubtful["unsupported"] is None and doubtful["confidence"] == 0.32
    older = told | {"messages": [_without(one) for one in told["messages"]]}
    for content in (told, older):
        came = signed_in_client(cast.alice).post("/api/conversations/import/", content, content_type="application/json")
        assert came.status_code == 201 and came.json()["refused"] == []
        rows = Message.objects.filter(conversation=came.json()["conversations"][0])
        assert len(rows) == len(told["messages"]) and not any(one.unsupported or one.sources for one in rows)


def _without(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name not in ("unsupported", "confidence")}
