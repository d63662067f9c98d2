"""Conversations and messages as JSON; docs/protocol.md describes them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence, Set
from typing import Any
from uuid import UUID

from chatapp.accounts.models import User
from chatapp.conversations.admission import running_turns
from chatapp.conversations.masked import bears_any, message_put_back, values_for
from chatapp.conversations.models import Citation, Conversation, Folder, Message, Turn
from chatapp.conversations.search import Hit
from chatapp.documents.search import readable_ids
from chatapp.errors import as_dict
from chatapp.feedback.services import ratings_of
from chatapp.privacy.errors import Unreadable
from chatapp.privacy.fields import opened
from chatapp.safety.masking.placeholders import put_back

_EVERYTHING = {"collections": None, "filters": None}
_WORDS = frozenset({"text", "heading", "quote"})


def conversation(row: Conversation) -> dict[str, Any]:
    title = opened(row, "title")
    told = {"id": str(row.pk), "title": title or "", "updated_at": row.updated_at.isoformat()}
    said = {"unreadable": title is None, "temporary": row.temporary, "pinned": row.pinned, "archived": row.archived}
    kept_in = {"folder": str(row.folder_id)} if row.folder_id else {}
    return told | kept_in | {name: True for name, holds in said.items() if holds}


def folder(row: Folder) -> dict[str, Any]:
    """`conversations`: how many are shown in it, where they were counted."""
    name = opened(row, "name")
    told = {"id": str(row.pk), "name": name or "", "conversations": getattr(row, "held", 0)}
    return told | ({"unreadable": True} if name is None else {})


def hits(user: User, found: Sequence[Hit]) -> list[dict[str, Any]]:
    """What a search found, with masked values put back; `marks` are places in the snippet."""
    homes = {one.conversation.pk for one in found if bears_any(one.snippet)}
    values = values_for(user, homes) if homes else {}
    return [_hit(one, values.get(one.conversation.pk, {})) for one in found]


def _hit(one: Hit, values: Mapping[str, str]) -> dict[str, Any]:
    whole = put_back(one.snippet, values)
    message = one.message
    return {
        "conversation": conversation(one.conversation),
        "message": str(message.pk) if message else None,
        "role": message.role if message else None,
        "snippet": whole.text,
        "marks": [[whole.place(start), whole.place(end)] for start, end in one.marks],
    }


def messages(user: User, rows: Iterable[Message]) -> list[dict[str, Any]]:
    """Of passages that the person may no longer read, the name of the document is left."""
    rows = list(rows)
    shown = {source["passage"] for row in rows for source in opened(row, "sources") or ()}
    readable = readable_ids(user, shown) if shown else set()
    ratings = ratings_of(user, rows)
    narrowed = _narrowed(rows)
    found = [_message(row, readable, ratings.get(row.pk)) | narrowed.get(row.pk, _EVERYTHING) for row in rows]
    homes = {row.conversation_id for row in rows if bears_any(opened(row, "text") or "")}
    values = values_for(user, homes) if homes else {}
    return [
        message_put_back(one, values[row.conversation_id]) if row.conversation_id in values else one
        for row, one in zip(rows, found, strict=True)
    ]


def _narrowed(rows: Iterable[Message]) -> dict[UUID, dict[str, Any]]:
    """Of each answer, what its question was asked of."""
    turns = Turn.objects.filter(answer__in=[row.pk for row in rows if row.role == Message.Role.ASSISTANT])
    found = turns.order_by("created_at").only("answer", "collections", "filters")
    return {turn.answer_id: {"collections": turn.collections, "filters": opened(turn, "filters")} for turn in found}


def _message(row: Message, readable: Set[int], rating: dict[str, Any] | None) -> dict[str, Any]:
    text, kept = opened(row, "text"), opened(row, "sources")
    sources = readable_parts(kept or (), readable)
    unreadable = as_dict(Unreadable()) if text is None or kept is None else None
    return {
        "id": str(row.pk),
        "parent": str(row.parent_id) if row.parent_id else None,
        "role": row.role,
        "text": text or "",
        "status": row.status,
        "engine": row.engine,
        "written_by": row.written_by,
        "error": unreadable or row.error,
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
        "document": shown["document"] if shown else {"id": None, "name": opened(row, "document_name") or ""},
        "page": row.page,
        "quote": (opened(row, "quote") or "") if row.passage_id in readable else "",
        "score": row.score,
    }


def running(user: User) -> list[dict[str, Any]]:
    return [
        {
            "turn": str(t.pk),
            "conversation": str(t.question.conversation_id),
            "answer": str(t.answer_id),
            "from": _begins_at(user, t),
            "temporary": t.question.conversation.temporary,
        }
        for t in running_turns(user).select_related("answer", "question__conversation")
    ]


def _begins_at(user: User, turn: Turn) -> int:
    """In the text as its owner sees it."""
    text = (opened(turn.answer, "text") or "") if turn.begins_at else ""
    if not bears_any(text):
        return turn.begins_at
    home = turn.question.conversation_id
    return put_back(text, values_for(user, [home]).get(home, {})).place(turn.begins_at)
