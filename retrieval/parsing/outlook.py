"""Outlook messages (MS-OXMSG): the headers that people look for, the body, and the names of attachments."""

from __future__ import annotations

import struct
from email.errors import MessageError
from email.header import decode_header, make_header
from pathlib import Path

from oxmsg import Message

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.parsing.budget import Blocks
from retrieval.parsing.email import attachments_warning
from retrieval.parsing.html import parse_html
from retrieval.parsing.sniff import Corrupt, Empty, Encrypted

# What the library lets through when a container is cut or its tables lie.
_BROKEN = (OSError, ValueError, LookupError, TypeError, AttributeError, AssertionError, OverflowError, struct.error)
_SEALED = (".p7m", ".pgp", ".pgp-encrypted")


def parse(path: Path, limits: ParseLimits) -> ParsedDocument:
    out = Blocks(limits.characters)
    try:
        message = Message.load(str(path))
        subject = (message.subject or "").strip()
        _body(out, message, limits)
        names = [attachment.file_name or "unnamed" for attachment in message.attachments]
    except _BROKEN as error:
        raise Corrupt("The Outlook message is damaged and cannot be opened.", detail=str(error)) from error
    if len(out.blocks) == 1 and any(name.lower().endswith(_SEALED) for name in names):
        raise Encrypted("The message is encrypted.", advice="Save a copy that is not, and upload that.")
    if names:
        out.add("paragraph", "Attachments: " + ", ".join(names))
    if not out.blocks:
        raise Empty("The message holds no text.")
    return ParsedDocument(subject, tuple(out.blocks), warnings=attachments_warning(names))


def _body(out: Blocks, message: Message, limits: ParseLimits) -> None:
    headers = "\n".join(_headers(message))
    out.add("paragraph", headers)
    if message.body and message.body.strip():
        for paragraph in message.body.replace("\r\n", "\n").split("\n\n"):
            out.add("paragraph", paragraph)
    elif message.html_body:
        out.blocks += parse_html(message.html_body, limits).blocks


def _headers(message: Message) -> list[str]:
    known = message.message_headers
    people = ", ".join(f"{person.name} <{person.email_address}>" for person in message.recipients)
    values = {
        "From": message.sender or known.get("From", ""),
        "To": known.get("To") or people,
        "Cc": known.get("Cc", ""),
        "Date": message.sent_date.strftime("%Y-%m-%d %H:%M %Z").strip() if message.sent_date else known.get("Date", ""),
        "Subject": message.subject or "",
    }
    return [f"{name}: {_readable(value)}" for name, value in values.items() if value]


def _readable(value: str) -> str:
    """Words encoded for transport (RFC 2047) as people read them."""
    try:
        return str(make_header(decode_header(value)))
    except (MessageError, LookupError, ValueError):
        return value
