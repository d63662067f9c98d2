"""A conversation as a file: one branch as Markdown, or the whole tree as JSON. docs/protocol.md describes the form."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from chatapp.accounts.models import User
from chatapp.conversations.models import Conversation, Message
from chatapp.governance.services import record
from chatapp.privacy.errors import Unreadable
from chatapp.sharing import reading
from chatapp.sharing.doubts import sentences
from chatapp.sharing.plain_markdown import harmless, line_of
from chatapp.sharing.reading import Shown, ShownSource

FORMAT, VERSION = "footnote.conversation", 1
_LONGEST_NAME = 60  # characters of a file name, without its ending
_MARK = re.compile(r"(?<![!\\])\[(\d{1,3})\](?![(:])")


@dataclass(frozen=True, slots=True)
class ExportedFile:
    name: str
    media_type: str
    body: bytes


def as_markdown(user: User, conversation: Conversation, branch: Sequence[Message]) -> ExportedFile:
    shown = reading.own(user, branch)
    title = title_of(conversation)
    parts = [f"# {line_of(title) or 'Conversation'}", *(_section(one) for one in shown)]
    _written_down(user, conversation, "markdown", len(shown))
    body = "\n\n".join(parts) + "\n"
    return ExportedFile(f"{file_name(title)}.md", "text/markdown; charset=utf-8", body.encode())


def as_json(user: User, conversation: Conversation, messages: Sequence[Message]) -> ExportedFile:
    shown = reading.own(user, messages)
    title = title_of(conversation)
    told: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "exported_at": timezone.now().isoformat(),
        "title": title,
        "created_at": conversation.created_at.isoformat(),
        "messages": [_told(row, one) for row, one in zip(messages, shown, strict=True)],
    }
    _written_down(user, conversation, "json", len(shown))
    body = json.dumps(told, ensure_ascii=False, indent=1).encode()
    return ExportedFile(f"{file_name(title)}.json", "application/json", body)


def printed(user: User, conversation: Conversation, branch: Sequence[Message]) -> list[Shown]:
    """For the page that is printed, which is a way out as well."""
    shown = reading.own(user, branch)
    _written_down(user, conversation, "print", len(shown))
    return shown


def title_of(conversation: Conversation) -> str:
    try:
        return conversation.title
    except Unreadable:
        return ""


def file_name(title: str) -> str:
    """Letters, digits and a few signs, on every system; nothing hidden, no folder, no ending of its own."""
    plain = unicodedata.normalize("NFC", title)
    kept = "".join(char if _names_a_file(char) else " " for char in plain)
    return " ".join(kept.split())[:_LONGEST_NAME].strip(" -_") or "conversation"


def _names_a_file(char: str) -> bool:
    return char.isalnum() or char in " -_" or unicodedata.category(char).startswith("M")


def _section(one: Shown) -> str:
    if one.role == Message.Role.USER:
        quoted = "\n".join(f"> {line}".rstrip() for line in harmless(one.text).splitlines())
        return f"## Question\n\n{quoted}"
    by = f"\n\n*{line_of(one.writer)}*" if one.engine else ""
    text = "*This text cannot be opened.*" if one.unreadable else _with_footnotes(one)
    notes = "\n".join(_footnote(one, source) for source in one.sources)
    return "\n\n".join(part for part in (f"## Answer\n\n{text}{by}", _warning(one), notes) if part)


def _warning(one: Shown) -> str:
    """As on the page of the chat. Nothing can be underlined here, so the sentences are named."""
    if one.unsupported:
        count = len(one.unsupported)
        said = (
            "One sentence is not borne out: the passages that it names do not say so."
            if count == 1
            else f"{count} sentences are not borne out: the passages that they name do not say so."
        )
        return "\n".join(
            (f"**{said}**\n", *(f"- “{line_of(words)}”" for words in sentences(one.text, one.unsupported)))
        )
    if one.doubt is not None:
        return f"**The documents may not answer this: the search is {one.doubt} % sure that they do.**"
    return ""


def _with_footnotes(one: Shown) -> str:
    """Marks become footnotes, which are numbered anew in each answer: [^2-1] is the first source of the second message.
    In a block of code they stay as they are."""
    known = {source.number for source in one.sources}

    def line(text: str) -> str:
        parts = _MARK.split(text)  # words and numbers by turns
        return "".join(line_of(part) if place % 2 == 0 else mark(part) for place, part in enumerate(parts))

    def mark(number: str) -> str:
        return f"[^{one.ordinal}-{int(number)}]" if int(number) in known else f"\\[{number}]"

    return harmless(one.text, line)


def _footnote(one: Shown, source: ShownSource) -> str:
    page = f", page {source.page}" if source.page else ""
    quotes = " ".join(f"“{line_of(' '.join(said.split()))}”" for said in (source.quote, *source.later) if said)
    name = line_of(" ".join(source.name.split())) or "A removed document"
    return f"[^{one.ordinal}-{source.number}]: {name}{page}{f': {quotes}' if quotes else ''}"


def _told(row: Message, one: Shown) -> dict[str, Any]:
    cited = [
        {"number": s.number, "document": s.name, "page": s.page, "quote": s.quote, "later_quotes": s.later}
        for s in one.sources
    ]
    return {
        "id": str(row.pk),
        "parent": str(row.parent_id) if row.parent_id else None,
        "role": one.role,
        "text": one.text,
        "status": one.status,
        "engine": one.engine,
        "created_at": one.created_at.isoformat(),
        "citations": cited,
        "unsupported": one.unsupported,
        "confidence": one.confidence,
    } | ({"unreadable": True} if one.unreadable else {})


def _written_down(user: User, conversation: Conversation, form: str, messages: int) -> None:
    record("conversation.exported", f"conversation {conversation.pk}", user, form=form, messages=messages)
