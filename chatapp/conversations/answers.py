"""Conversations and messages as JSON; docs/protocol.md describes them."""

from __future__ import annotations

from typing import Any

from chatapp.accounts.models import User
from chatapp.conversations import services
from chatapp.conversations.models import Citation, Conversation, Message


def conversation(row: Conversation) -> dict[str, Any]:
    return {"id": str(row.pk), "title": row.title, "updated_at": row.updated_at.isoformat()}


def message(row: Message) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "parent": str(row.parent_id) if row.parent_id else None,
        "role": row.role,
        "text": row.text,
        "status": row.status,
        "engine": row.engine,
        "written_by": row.written_by,
        "error": row.error,
        "sources": row.sources,
        "citations": [citation(one, row.sources) for one in row.citations.all()],
        "usage": row.usage,
        "timings": row.timings,
        "created_at": row.created_at.isoformat(),
    }


def citation(row: Citation, sources: list[dict[str, Any]]) -> dict[str, Any]:
    shown = next((s for s in sources if s["number"] == row.number), None)
    return {
        "number": row.number,
        "passage": row.passage_id,
        "document": shown["document"] if shown else {"id": None, "name": row.document_name},
        "page": row.page,
        "quote": row.quote,
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
        for t in services.running_turns(user)
    ]
