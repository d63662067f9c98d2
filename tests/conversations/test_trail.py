"""Each question leaves its line: what was shown, who wrote the answer, what filters found; its words under a seal."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import httpx
import pytest
from django.db import connection

from chatapp.accounts.keys import create_key
from chatapp.governance import chain
from chatapp.governance.models import AuditEntry
from chatapp.privacy import sealing
from chatapp.safety.models import FilterRule, WordList
from retrieval.models import Document
from tests.conftest import Cast
from tests.conversations.model_double import ModelDouble
from tests.conversations.web import Client, Web, text_of
from tests.waiting import wait_until

QUESTION = "How many days of leave?"
_FRESH_S = 1.2  # a process keeps the rules for a second


def stored() -> str:
    """All that the table holds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(string_agg(e::text, ''), '') FROM governance_auditentry e")
        return str(cursor.fetchone()[0])


def asked(client: Client, text: str = QUESTION) -> list[dict[str, Any]]:
    with client.socket() as socket:
        socket.ask(text)
        return socket.until("done")


def test_a_question_leaves_a_line_with_what_was_shown(
    alice: Client, cast: Cast, handbook: Document, model: ModelDouble
) -> None:
    FilterRule.objects.create(what="email", where="answer", action="mask")
    time.sleep(_FRESH_S)
    model.words = ["Ask ", "anna.berg@", "example.org ", "[1]."]
    told = text_of(asked(alice))
    entry = AuditEntry.objects.get(action="turn.ended")
    assert entry.actor == cast.alice and entry.detail["status"] == "complete" and entry.detail["engine"]
    assert [one["name"] for one in entry.detail["passages"]] == ["leave.md", "leave.md"]
    assert entry.detail["found"] == [{"kind": "email", "action": "mask", "times": 1}]
    assert entry.detail["answer_sha256"] == hashlib.sha256(told.encode()).hexdigest()
    assert (entry.whole_detail["question"], entry.whole_detail["answer"]) == (QUESTION, told)
    assert "days of leave" not in stored() and "alice" not in stored() and "Ask" not in stored()
    assert chain.chain_all() >= 1
    sealing.destroy(cast.alice.pk)
    erased = AuditEntry.objects.get(action="turn.ended")
    assert erased.whole_detail["question"] == erased.actor_name == "erased"


def test_a_question_that_is_refused_leaves_a_line_though_nothing_else_is_stored(
    alice: Client, cast: Cast, model: ModelDouble
) -> None:
    words = WordList.objects.create(name="Projects", terms="Blue Falcon")
    FilterRule.objects.create(what="words", where="question", action="block", words=words)
    time.sleep(_FRESH_S)
    with alice.socket() as socket, pytest.raises(AssertionError, match="content_blocked"):
        socket.ask("What is Blue Falcon?")
    entry = AuditEntry.objects.get(action="content.blocked")
    assert (entry.actor, entry.subject) == (cast.alice, "question")
    (found,) = entry.detail["found"]
    assert found["action"] == "block" and "falcon" not in json.dumps(entry.detail).lower()


def test_what_a_program_asks_is_written_down_soon(web: Web, cast: Cast, handbook: Document, model: ModelDouble) -> None:
    key = create_key(user=cast.alice, name="ci")
    body = {"model": "default", "messages": [{"role": "user", "content": QUESTION}]}
    answered = httpx.post(
        f"{web.url}/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"}, timeout=30
    )
    assert answered.status_code == 200, answered.text
    wait_until(lambda: AuditEntry.objects.filter(action="turn.ended").exists(), 10)
    entry = AuditEntry.objects.get(action="turn.ended")
    assert (entry.actor, entry.subject, entry.detail["status"]) == (cast.alice, "program", "complete")
    assert entry.whole_detail["question"] == QUESTION and len(entry.detail["passages"]) == 2
