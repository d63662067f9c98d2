"""Values that stand masked in a conversation: sealed beside it, and put back for its owner alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from chatapp.accounts.models import User
from chatapp.conversations.models import Conversation, MaskedValue, Turn
from chatapp.database import in_database
from chatapp.errors import Busy
from chatapp.privacy.sealing import seal, unseal
from chatapp.safety.masking.placeholders import PLACEHOLDER, Placeholders, put_back


def placeholders_of(conversation: Conversation) -> Placeholders:
    """Read when the first is needed."""
    return Placeholders(lambda: _values([conversation.pk], conversation.owner_id).get(conversation.pk, {}))


def placeholders_in(conversation: UUID, owner: User) -> Placeholders:
    return Placeholders(lambda: _values([conversation], owner.pk).get(conversation, {}))


def keep_new(conversation: Conversation, placeholders: Placeholders) -> None:
    """Before anything that bears them is told. Raises Busy where another turn took a name at the same moment."""
    keep_values(conversation.pk, conversation.owner_id, placeholders.take_new())


def keep_values(conversation: UUID, owner: UUID, values: Mapping[str, str]) -> None:
    if not values:
        return
    rows = [
        MaskedValue(conversation_id=conversation, name=name, sealed=seal(owner, value, _about(conversation, name)))
        for name, value in values.items()
    ]
    try:
        with transaction.atomic():
            MaskedValue.objects.bulk_create(rows)
    except IntegrityError as error:
        raise Busy("Two answers of this conversation found something to mask at the same moment.") from error


def values_for(user: User, conversations: Iterable[UUID]) -> dict[UUID, dict[str, str]]:
    """By conversation, of those that are this person's own; nobody else is given any."""
    own = Conversation.objects.filter(pk__in={*conversations}, owner=user)
    return _values(list(own.values_list("pk", flat=True)), user.pk)


def bears_any(text: str) -> bool:
    return "[" in text and PLACEHOLDER.search(text) is not None


def message_put_back(message: dict[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """A message as JSON, with the values in its words and the places in its text moved."""
    whole = put_back(message["text"], values)
    writers = [one | {"from": whole.place(one["from"])} for one in message["written_by"]]
    cited = [one | {"quote": put_back(one["quote"], values).text} for one in message["citations"]]
    marks = message["unsupported"] and [[whole.place(start), whole.place(end)] for start, end in message["unsupported"]]
    return message | {"text": whole.text, "written_by": writers, "citations": cited, "unsupported": marks}


def _values(conversations: list[UUID], owner: UUID) -> dict[UUID, dict[str, str]]:
    """What can no longer be read stays masked."""
    found: dict[UUID, dict[str, str]] = {}
    for row in MaskedValue.objects.filter(conversation__in=conversations).order_by("pk"):
        value = unseal(owner, row.sealed, _about(row.conversation_id, row.name))
        if value is not None:
            found.setdefault(row.conversation_id, {})[row.name] = value
    return found


def _about(conversation: UUID, name: str) -> str:
    return f"conversations_maskedvalue:sealed:{conversation}:{name}"


# -- frames of a turn, on their way to the owner's socket -------------------------------------------------------------
class OwnFrames:
    """Of one turn. Its frames never end within a placeholder, so each can be looked at by itself."""

    def __init__(self, user: User, turn: UUID) -> None:
        self._user, self._turn = user, turn
        self._values: dict[str, str] = {}
        self._unknown: set[str] = set()

    async def put_back(self, frame: dict[str, Any]) -> dict[str, Any]:
        match frame["type"]:
            case "text":
                return frame | {"text": await self._whole(frame["text"])}
            case "citations":
                quotes = [one | {"quote": await self._whole(one.get("quote", ""))} for one in frame["citations"]]
                return frame | {"citations": quotes}
            case "grounding" if frame["unsupported"]:
                return frame | {"unsupported": await in_database(self._moved)(frame["unsupported"])}
        return frame

    async def _whole(self, text: str) -> str:
        if not bears_any(text):
            return text
        named = set(PLACEHOLDER.findall(text))
        if named - self._values.keys() - self._unknown:
            self._values = await in_database(self._read)()
            self._unknown |= named - self._values.keys()
        return put_back(text, self._values).text

    def _read(self) -> dict[str, str]:
        turns = Turn.objects.filter(pk=self._turn, asker=self._user)
        homes = list(turns.values_list("question__conversation", flat=True))
        return values_for(self._user, homes).get(homes[0], {}) if homes else {}

    def _moved(self, marks: list[list[int]]) -> list[list[int]]:
        turn = Turn.objects.filter(pk=self._turn, asker=self._user).select_related("answer").first()
        text = turn.answer.text if turn else ""
        whole = put_back(text, self._read() if bears_any(text) else {})
        return [[whole.place(start), whole.place(end)] for start, end in marks]
