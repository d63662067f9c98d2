"""What the audit trail says of a question and its answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from django.conf import settings

from chatapp.accounts.models import User
from chatapp.conversations.models import Turn
from chatapp.governance.findings import gathered
from chatapp.governance.later import later_lines
from chatapp.governance.personal import Personal
from chatapp.governance.services import prepared, record


def turn_ended(row: Turn, values: dict[str, Any]) -> None:
    """In the transaction that stores the answer. Of a temporary chat no text is kept, nor what tells of one."""
    if row.question.conversation.temporary:
        said: dict[str, Any] = {"temporary": True}
    else:
        said = _said(row.question.text, values["text"]) | _names_of_attached(values["sources"])
    record(
        "turn.ended",
        f"turn {row.pk}",
        row.asker,
        conversation=str(row.question.conversation_id),
        status=str(values["status"]),
        engine=values["engine"],
        passages=passages(values["sources"]),
        collections=row.collections,
        usage=values["usage"],
        found=gathered(),
        **said,
    )


def program_answered(
    person: User, question: str, answer: str, engine: str, sources: Iterable[dict[str, Any]], status: str
) -> None:
    """Written with others, soon."""
    detail = {
        "status": status,
        "engine": engine,
        "passages": passages(sources),
        "found": gathered(),
        **_said(question, answer),
    }
    later_lines().add(lambda: prepared("turn.ended", "program", person, **detail))


def passages(sources: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was shown, by number and name, but for what was attached; the words stand in the documents."""
    return [
        {"passage": one["passage"], "document": one["document"]["id"]}
        | ({} if one["document"].get("attached") else {"name": one["document"]["name"]})
        for one in sources
    ]


def _names_of_attached(sources: Iterable[dict[str, Any]]) -> dict[str, Personal]:
    """The name of a private file may say much: it is sealed under the key of its person."""
    found = [one["document"] for one in sources]
    names = {one["id"]: one["name"] for one in found if one.get("attached")}
    return {"attached": Personal(names)} if names else {}


def _said(question: str, answer: str) -> dict[str, Any]:
    """A digest proves later which answer it was, without holding it."""
    said: dict[str, Any] = {"answer_sha256": hashlib.sha256(answer.encode()).hexdigest(), "characters": len(answer)}
    if settings.AUDIT_TEXTS:
        said |= {"question": Personal(question), "answer": Personal(answer)}
    return said
