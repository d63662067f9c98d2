"""The frames of /ws/chat/, as docs/protocol.md describes them (a test compares the two)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any
from uuid import UUID

from django.conf import settings

from chatapp.documents.filters import EVERYTHING, filters_of
from chatapp.errors import Invalid
from chatapp.json_body import parse as parse_json
from retrieval.contracts import SearchFilters
from retrieval.stored_text import storable

PROTOCOL = 1
FRAME_CHARACTERS = 64_000
_COLLECTIONS = 1000
_ENGINE_CHARACTERS = 200
_MAY_BE_LEFT_OUT = frozenset({"collections", "filters", "temporary", "engine"})
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Ask:
    id: str
    text: str
    conversation: UUID | None = None
    parent: UUID | None = None
    collections: tuple[UUID, ...] | None = None
    filters: SearchFilters = EVERYTHING
    temporary: bool = False


@dataclass(frozen=True, slots=True)
class Edit:
    id: str
    message: UUID
    text: str
    collections: tuple[UUID, ...] | None = None
    filters: SearchFilters | None = None


@dataclass(frozen=True, slots=True)
class Regenerate:
    id: str
    message: UUID
    collections: tuple[UUID, ...] | None = None
    filters: SearchFilters | None = None
    engine: str = ""  # who is asked first


@dataclass(frozen=True, slots=True)
class Continue:
    id: str
    message: UUID


@dataclass(frozen=True, slots=True)
class Stop:
    turn: UUID


@dataclass(frozen=True, slots=True)
class Resume:
    turn: UUID
    after: int


@dataclass(frozen=True, slots=True)
class Ping:
    pass


ClientFrame = Ask | Edit | Regenerate | Continue | Stop | Resume | Ping
CLIENT_FRAMES: dict[str, type[Any]] = {
    "ask": Ask,
    "edit": Edit,
    "regenerate": Regenerate,
    "continue": Continue,
    "stop": Stop,
    "resume": Resume,
    "ping": Ping,
}
SERVER_FRAMES = (
    "hello",
    "accepted",
    "pong",
    "stage",
    "sources",
    "writer",
    "text",
    "citations",
    "grounding",
    "error",
    "done",
    "snapshot",
)


def parse(text: str | None) -> ClientFrame:
    """Raises Invalid with a sentence that names the field."""
    if text is None:
        raise Invalid("Frames are text, not bytes.", advice="Send JSON as text.")
    if len(text) > FRAME_CHARACTERS:
        raise Invalid(f"A frame may hold at most {FRAME_CHARACTERS} characters.", advice="Send a shorter text.")
    try:
        body = parse_json(text)
    except ValueError:
        raise Invalid("The frame is not JSON.") from None
    kind = CLIENT_FRAMES.get(str(body.get("type"))) if isinstance(body, dict) else None
    if kind is None:
        raise Invalid("The frame's type is not known.", advice=f"Use one of: {', '.join(CLIENT_FRAMES)}.")
    names = {field.name for field in fields(kind)}
    frame: ClientFrame = kind(
        **{name: _read(name, kind, body) for name in names if name in body or _needed(kind, name)}
    )
    return frame


def _needed(kind: type[Any], name: str) -> bool:
    return name not in _MAY_BE_LEFT_OUT and not (kind is Ask and name in ("conversation", "parent"))


def _read(name: str, kind: type[Any], body: dict[str, Any]) -> Any:
    value = body.get(name)
    if (reader := _READERS.get(name)) is not None:
        return reader(value)
    if value is None and not _needed(kind, name):
        return None
    return _uuid(name, value)


def _request_id(value: Any) -> str:
    if not is_request_id(value):
        raise Invalid("`id` must be a string of 1 to 100 characters.")
    return str(value)


def _sequence_number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        raise Invalid("`after` must be a sequence number.")
    return value


def _temporary(value: Any) -> bool:
    if value is not None and not isinstance(value, bool):
        raise Invalid("`temporary` must be true or false.")
    return bool(value)


def _engine(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > _ENGINE_CHARACTERS or value != storable(value):
        raise Invalid("`engine` must be the name of an engine.", advice="`GET /api/engines/` lists them.")
    return value


def _collections(value: Any) -> tuple[UUID, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) > _COLLECTIONS:
        raise Invalid("`collections` must be a list of collection ids.")
    return tuple(_uuid("collections", one) for one in value)


def is_request_id(value: Any) -> bool:
    """Half a surrogate pair could not be sent back."""
    return isinstance(value, str) and 0 < len(value) <= 100 and not _SURROGATE.search(value)


def question_text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Invalid("The question is empty.", advice="Write a question.")
    text = storable(value).strip()
    if not text:
        raise Invalid("The question is empty.", advice="Write a question.")
    if len(text) > settings.QUESTION_CHARACTERS:
        raise Invalid(
            f"The question has {len(text)} characters; at most {settings.QUESTION_CHARACTERS} are allowed.",
            advice="Shorten it, or ask your administrator to upload the text as a document.",
        )
    return text


def _uuid(name: str, value: Any) -> UUID:
    try:
        return UUID(str(value))
    except ValueError:
        raise Invalid(f"`{name}` must be an id.") from None


_READERS: dict[str, Callable[[Any], Any]] = {
    "id": _request_id,
    "text": question_text,
    "after": _sequence_number,
    "temporary": _temporary,
    "engine": _engine,
    "collections": _collections,
    "filters": lambda value: filters_of(value or {}),
}
