"""All that is kept about a person, as a zip of JSON."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from typing import IO, Any
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import F, Field, ForeignKey, Model, Q, QuerySet

from chatapp.accounts.models import User
from chatapp.conversations import why
from chatapp.conversations.models import Conversation, Message
from chatapp.feedback.models import Handled, Rating
from chatapp.governance.models import AuditEntry
from chatapp.privacy.errors import Unreadable
from retrieval.models import Document

_SECRET = frozenset({"password", "sha256", "token_sha256", "session_key", "session_id", "id_token"})
_BATCH = 200
_NOT_TOLD: dict[type[Model], Q] = {
    Document: Q(collection__attached=True),  # of temporary chats; those of others stand with their conversation
    Rating: Q(message__conversation__temporary=True),
    Handled: ~Q(rating__person=F("by")),  # notes about what somebody else asked are theirs
}
_TOLD_APART = frozenset({"Conversation", "Message", "Turn", "AuditEntry"})


def write(person: User, target: IO[bytes]) -> dict[str, int]:
    """One conversation in memory at a time. -> how many of each kind"""
    counts: dict[str, int] = {}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        _put(archive, "account.json", _row(person) | {"groups": [group.name for group in person.groups.all()]})
        for conversation in (
            Conversation.objects.filter(owner=person, temporary=False).order_by("created_at").iterator(_BATCH)
        ):
            _put(archive, f"conversations/{conversation.pk}.json", _conversation(conversation))
            counts["conversations"] = counts.get("conversations", 0) + 1
        for model, field in _links():
            name = model._meta.verbose_name_plural or model.__name__
            rows = [_row(row) for row in _told(model._default_manager.filter(**{field: person})).iterator(_BATCH)]
            if rows:
                _put(archive, f"{model._meta.label_lower}.{field}.json", rows)
                counts[str(name)] = counts.get(str(name), 0) + len(rows)
        counts["audit entries"] = _put_trail(archive, person.pk)
    return counts


def _links() -> Iterator[tuple[type[Model], str]]:
    """All tables that name people, those to come as well."""
    for relation in User._meta.get_fields(include_hidden=True):
        field = getattr(relation, "field", None)
        model: Any = getattr(relation, "related_model", None)
        if relation.concrete or not isinstance(field, ForeignKey) or model is None or not model._meta.managed:
            continue
        if model.__name__ not in _TOLD_APART and not model._meta.proxy and not model._meta.auto_created:
            yield model, field.name


def _told(rows: QuerySet[Model]) -> QuerySet[Model]:
    left_out = _NOT_TOLD.get(rows.model)
    return rows if left_out is None else rows.exclude(left_out)


def _conversation(conversation: Conversation) -> dict[str, Any]:
    messages = conversation.messages.prefetch_related("citations", "ratings__handled").select_related("explanation")
    files = Document.objects.filter(collection__attached_to__conversation=conversation).order_by("created_at")
    return _row(conversation) | {
        "attachments": [_row(file) for file in files],
        "messages": [
            _row(message)
            | {"explanation": _explanation(message)}
            | {"citations": [_row(one) for one in message.citations.all()]}
            | {"ratings": [_rating(one) for one in message.ratings.all()]}
            for message in messages.order_by("created_at")
        ],
    }


def _rating(rating: Rating) -> dict[str, Any]:
    """With what a curator noted about it, whoever that was."""
    handled: Handled | None = getattr(rating, "handled", None)
    note = handled and {"at": handled.at, "note": _value(handled, Handled._meta.get_field("note"))}
    return _row(rating) | {"handled": note}


def _explanation(message: Message) -> dict[str, Any] | None:
    if not hasattr(message, "explanation"):
        return None
    row = _row(message.explanation)
    return row if "unreadable" in row["kept"] else row | {"kept": why.as_copied(row["kept"])}


def _put_trail(archive: zipfile.ZipFile, person: UUID) -> int:
    """A line at a time: it may be long."""
    number, after = 0, 0
    with archive.open("audit.jsonl", "w") as stream:
        while batch := AuditEntry.objects.filter(actor=person, pk__gt=after).order_by("pk")[:_BATCH].with_keys():
            for entry in batch:
                line = {"at": entry.at, "action": entry.action, "subject": entry.whole_subject}
                stream.write(_json(line | {"detail": _detail(entry)}) + b"\n")
            number, after = number + len(batch), batch[-1].pk
    return number


def _detail(entry: AuditEntry) -> dict[str, Any]:
    detail = entry.whole_detail
    found = detail.get("found")
    return detail | {"found": [why.as_told(one) for one in found]} if isinstance(found, list) else detail


def _row(row: Model) -> dict[str, Any]:
    return {field.name: _value(row, field) for field in row._meta.concrete_fields if field.name not in _SECRET}


def _value(row: Model, field: Field[Any, Any]) -> Any:
    """What nobody can open does not keep the rest from being told."""
    try:
        return field.value_from_object(row)
    except Unreadable:
        return {"unreadable": True}


def _put(archive: zipfile.ZipFile, name: str, value: Any) -> None:
    archive.writestr(name, _json(value))


def _json(value: Any) -> bytes:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False).encode()
