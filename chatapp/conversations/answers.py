"""Conversations and messages as JSON; docs/protocol.md describes them."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import Any

from chatapp.accounts.models import User
from chatapp.conversations.admission import running_turns
from chatapp.conversations.models import Citation, Conversation, Message
from chatapp.documents.search import readable_ids
from chatapp.feedback.services import ratings_of


def conversation(row: Conversation) -> dict[str, Any]:
    return {"id": str(row.pk), "title": row.title, "updated_at": row.updated_at.isoformat()}


def messages(user: User, rows: Iterable[Message]) -> list[dict[str, Any]]:
    """Of passages that the person may no longer read, the name of the document is left."""
    rows = list(rows)
    shown = {source["passage"] for row in rows for source in row.sources}
    readable = readable_ids(user, shown) if shown else set()
    ratings = ratings_of(user, rows)
    return [_message(row, readable, ratings.get(row.pk)) for row in rows]


def _message(row: Message, readable: Set[int], rating: dict[str, Any] | None) -> dict[str, Any]:
    sources = [source if source["passage"] in readable else source | {"text": ""} for source in row.sources]
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
        "usage": row.usage,
        "timings": row.timings,
        "rating": rating,
        "created_at": row.created_at.isoformat(),
    }


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
            "from": t.begins_at,
        }
        for t in running_turns(user)
    ]
