"""Attachments of a message, read by the parsers of their own kinds, in the same process and under the same limits."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from retrieval.config import ParseLimits
from retrieval.contracts import Block, ParsedDocument
from retrieval.errors import DocumentRejected
from retrieval.parsing.budget import LOCATOR_CHARACTERS, Blocks
from retrieval.parsing.kinds import PICTURE_KINDS
from retrieval.parsing.sniff import sniff

_MOST = 50
_DEPTH = 3  # a message in a message in a message
_NAME_CHARACTERS = 80
_LOGO_BYTES = 20_000  # a picture below it is a signature's
_MESSAGES = {"email", "outlook"}
_DEEPEST = 6  # level of a heading
_open_messages = 0  # around the one that is read; a parsing process reads one file


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content: bytes
    inline: bool = False  # part of the text's looks rather than handed over


def add_attachments(out: Blocks, subject: str, attachments: Iterable[Attachment], limits: ParseLimits) -> list[str]:
    """Adds their names and blocks; -> what could not be read, and why. The message then has a heading of its own, so
    that no passage is half of it and half of an attachment."""
    warnings: list[str] = []
    left = limits.file_bytes
    handed = [one for one in attachments if not (one.inline and len(one.content) < _LOGO_BYTES)]
    if handed:
        out.blocks.insert(0, Block("heading", subject or "Message", level=1))
        out.add("paragraph", "Attachments: " + ", ".join(one.name for one in handed[:_MOST]))
    for one in handed[:_MOST]:
        left -= len(one.content)
        if left < 0:
            warnings.append(f"Attachment {_short(one.name)} was not read: the attachments are too large together.")
            continue
        try:
            warnings += _add(out, one, limits)
        except DocumentRejected as error:
            warnings.append(f"Attachment {_short(one.name)} was not read: {error.user_message}")
    if len(handed) > _MOST:
        warnings.append(f"{len(handed) - _MOST} attachments were not read: at most {_MOST} of a message are.")
    return warnings


def _add(out: Blocks, one: Attachment, limits: ParseLimits) -> list[str]:
    parsed = _parsed(one, replace(limits, characters=max(out.left, 1)))
    place = f"attachment {_short(one.name)}"
    out.add("heading", f"Attachment {_short(one.name)}", level=1, locator=place)
    out.take([_placed(block, place) for block in parsed.blocks])
    return [f"Attachment {_short(one.name)}: {warning}" for warning in parsed.warnings]


def _parsed(one: Attachment, limits: ParseLimits) -> ParsedDocument:
    from retrieval.parsing import formats  # which imports the parsers of messages, and they this module

    global _open_messages
    with tempfile.NamedTemporaryFile() as file:  # in the folder that the zygote removes
        file.write(one.content)
        file.flush()
        path = Path(file.name)
        kind = sniff(path, one.name, limits).kind
        if kind in _MESSAGES and _open_messages >= _DEPTH - 1:
            raise DocumentRejected("It is a message inside too many others.")
        if one.inline and kind in PICTURE_KINDS:
            raise DocumentRejected("It is a picture in the text of the message.")
        _open_messages += 1
        try:
            return formats.parse(kind, path, one.name, limits)
        finally:
            _open_messages -= 1


def _placed(block: Block, place: str) -> Block:
    """Its page and boxes are those of another document, so they become words."""
    where = [place, block.locator or (f"page {block.page}" if block.page is not None else "")]
    locator = ", ".join(part for part in where if part)[:LOCATOR_CHARACTERS]
    level = min(block.level + 1, _DEEPEST) if block.kind == "heading" else 0
    return replace(block, page=None, boxes=(), locator=locator, level=level)


def _short(name: str) -> str:
    return name if len(name) <= _NAME_CHARACTERS else f"{name[: _NAME_CHARACTERS - 12]}…{name[-11:]}"
