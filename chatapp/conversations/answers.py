"""Conversations and messages as JSON; docs/protocol.md describes them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Set
from typing import Any
from uuid import UUID

from chatapp.accounts.models import User
from chatapp.conversations.admission import running_turns
from chatapp.conversations.masked import bears_any, message_put_back, values_for
from chatapp.conversations.models import Citation, Conversation, Message, Turn
from chatapp.documents.search import readable_ids
from chatapp.feedback.services import ratings_of
from chatapp.safety.masking.placeholders import put_back

_EVERYTHING = {"collections": None, "filters": None}
_WORDS = frozenset({"text", "heading", "quote"})


def conversation(row: Conversation) -> dict[str, Any]:
    return {"id": str(row.pk), "title": row.title, "updated_at": row.updated_at.isoformat()}


def messages(user: User, rows: Iterable[Message]) -> list[dict[str, Any]]:
    """Of passages that the person may no longer read, the name of the document is left."""
    rows = list(rows)
    shown = {source["passage"] for row in rows for source in row.sources}
    readable = readable_ids(user, shown) if shown else set()
    ratings = ratings_of(user, rows)
    narrowed = _narrowed(rows)
    found = [_message(row, readable, ratings.get(row.pk)) | narrowed.get(row.pk, _EVERYTHING) for row in rows]
    homes = {row.conversation_id for row in rows if bears_any(row.text)}
    values = values_for(user, homes) if homes else {}
    return [
        message_put_back(one, values[row.conversation_id]) if row.conversation_id in values else one
        for row, one in zip(rows, found, strict=True)
    ]


def _narrowed(rows: Iterable[Message]) -> dict[UUID, dict[str, Any]]:
    """Of each answer, what its question was asked of."""
    turns = Turn.objects.filter(answer__in=[row.pk for row in rows if row.role == Message.Role.ASSISTANT])
    found = turns.order_by("created_at").values_list("answer", "collections", "filters")
    return {answer: {"collections": chosen, "filters": filters} for answer, chosen, filters in found}


def _message(row: Message, readable: Set[int], rating: dict[str, Any] | None) -> dict[str, Any]:
    sources = readable_parts(row.sources, readable)
    return {
        "id": str(row.pk),
        "parent": str(row.parent_id) if row.parent_id else None,
        "role": row.role,
        "text": row.text,
        "status": row.status,
        "engine": row.engine,
        "written_by": row.written_by,
        "error": row.error,
        "sources": sources,
        "citations": [_citation(one, sources, readable) for one in row.citations.all()],
        "unsupported": row.unsupported,
        "usage": row.usage,
        "timings": row.timings,
        "rating": rating,
        "created_at": row.created_at.isoformat(),
    }


def readable_parts(shown: Iterable[dict[str, Any]], readable: Container[int]) -> list[dict[str, Any]]:
    """Sources or citations, without the words of those passages that may not be read, or no longer."""
    return [one if one["passage"] in readable else one | dict.fromkeys(_WORDS & one.keys(), "") for one in shown]


def _citation(row: Citation, sources: list[dict[str, Any]], readable: Set[int]) -> dict[str, Any]:
    shown = next((s for s in sources if s["number"] == row.number), None)
    return {
        "number": row.number,
        "passage": row.passage_id,
        "document": shown["document"] if shown else {"id": None, "name": row.document_name},
        "page": row.page,
        "quote": row.quote if row.passage_id in readable else "",
        "score": row.score,
    }


def running(user: User) -> list[dict[str, Any]]:
    return [
        {
            "turn": str(t.pk),
            "conversation": str(t.question.conversation_id),
            "answer": str(t.answer_id),
            "from": _begins_at(user, t),
        }
        for t in running_turns(user).select_related("answer", "question")
    ]


def _begins_at(user: User, turn: Turn) -> int:
    """In the text as its owner sees it."""
    if not turn.begins_at or not bears_any(turn.answer.text):
        return turn.begins_at
    home = turn.question.conversation_id
    return put_back(turn.answer.text, values_for(user, [home]).get(home, {})).place(turn.begins_at)
