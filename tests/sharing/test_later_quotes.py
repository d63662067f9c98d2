"""Each mark of a source is shown with the sentence that it rests on, to those who may read the source."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chatapp.conversations.citing import later_quotes
from chatapp.conversations.models import Message
from chatapp.safety import policy
from chatapp.safety.models import FilterRule
from retrieval.models import Document
from tests.conftest import Cast, signed_in_client
from tests.sharing.conversations import Written, say, written
from tests.sharing.test_warnings import exported, printed, read_by_bob

FIRST, SECOND, THIRD = "Words of leave.md", "Days lapse on 31 March.", "Ask the office in November."
PASSAGE = f"{FIRST}. {SECOND} {THIRD} Nobody names this sentence."
TEXT = (
    "It has words [1]. The days lapse on 31 March [1], and you ask the office in November [1]. They lapse in March [1]."
)


@pytest.fixture(autouse=True)
def _rules_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "_FRESH_S", 0)


@pytest.fixture
def talk(cast: Cast) -> Written:
    return written(cast.alice, cast.alice.groups.get())


def said(talk: Written, document: Document) -> Message:
    row = say(talk.conversation, talk.messages[0], "assistant", TEXT, document, engine="local: tiny")
    row.sources = [one | {"text": PASSAGE} for one in row.sources]
    row.save()
    return row


def test_each_mark_is_shown_with_its_sentence_once(cast: Cast, talk: Written) -> None:
    said(talk, talk.open)
    wanted = "".join(f'<q dir="auto">{one}</q>' for one in (FIRST, SECOND, THIRD))
    assert f"{wanted}</li>" in read_by_bob(cast, talk) and f"{wanted}</li>" in printed(cast.alice, talk.conversation)
    text = exported(cast.alice, talk.conversation, "markdown")
    assert f"[^2-1]: leave.md, page 3: “{FIRST}” “{SECOND}” “{THIRD}”\n" in text
    told: dict[str, Any] = json.loads(exported(cast.alice, talk.conversation, "json"))
    (cited,) = told["messages"][-1]["citations"]
    assert (cited["quote"], cited["later_quotes"]) == (FIRST, [SECOND, THIRD])


def test_a_mark_that_quotes_what_stood_around_the_passage_names_no_other_sentence() -> None:
    text = "It has words [1]. “Ask the office in November” [1]. “What stands behind it” [1]."
    assert later_quotes(text, {1: PASSAGE}) == {1: ["Ask the office in November"]}


def test_who_may_read_the_source_no_more_is_shown_none(cast: Cast, talk: Written) -> None:
    said(talk, talk.closed)
    assert SECOND in printed(cast.alice, talk.conversation)
    talk.closed.collection.readers.clear()
    for text in (printed(cast.alice, talk.conversation), exported(cast.alice, talk.conversation, "json")):
        assert SECOND not in text and THIRD not in text
    assert SECOND not in read_by_bob(cast, talk)


@pytest.mark.parametrize("where", ["passages", "answer"])
def test_where_rules_change_passages_or_answers_the_first_stands_alone(cast: Cast, talk: Written, where: str) -> None:
    said(talk, talk.open)
    FilterRule.objects.create(what="email", where=where, action="mask")
    for text in (read_by_bob(cast, talk), exported(cast.alice, talk.conversation, "markdown")):
        assert FIRST in text and SECOND not in text


def test_so_much_of_an_answer_as_was_shared_names_sentences(cast: Cast, talk: Written) -> None:
    row = said(talk, talk.open)
    row.text = TEXT[: TEXT.index(" The days")]
    row.save()
    where = f"/api/conversations/{talk.conversation.pk}/shares/"
    shared = signed_in_client(cast.alice).post(where, {"person": "bob"}, content_type="application/json").json()["id"]
    row.text = TEXT
    row.save()
    page = signed_in_client(cast.bob).get(f"/shared/{shared}/").content.decode()
    assert FIRST in page and SECOND not in page
