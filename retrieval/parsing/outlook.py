"""Outlook messages (MS-OXMSG): the headers that people look for, the body, and the attachments."""

from __future__ import annotations

from datetime import UTC, datetime
from email.errors import MessageError
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

from oxmsg import Message

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.parsing.attachments import Attachment, add_attachments
from retrieval.parsing.budget import Blocks
from retrieval.parsing.damage import DAMAGED
from retrieval.parsing.html import parse_html
from retrieval.parsing.sniff import Corrupt, Empty, Encrypted

_SEALED = (".p7m", ".pgp", ".pgp-encrypted")


def parse(path: Path, limits: ParseLimits) -> ParsedDocument:
    out = Blocks(limits.characters)
    try:
        message = Message.load(str(path))
        subject = (message.subject or "").strip()
        _body(out, message, limits)
        attachments = [_attachment(attachment) for attachment in message.attachments]
        dated_at = message.sent_date
    except DAMAGED as error:
        raise Corrupt("The Outlook message is damaged and cannot be opened.", detail=str(error)) from error
    if len(out.blocks) == 1 and any(one.name.lower().endswith(_SEALED) for one in attachments):
        raise Encrypted("The message is encrypted.", advice="Save a copy that is not, and upload that.")
    warnings = add_attachments(out, subject, attachments, limits)
    if not out.blocks:
        raise Empty("The message holds no text.")
    return ParsedDocument(subject, tuple(out.blocks), warnings=tuple(warnings), dated_at=_aware(dated_at))


def _attachment(attachment: Any) -> Attachment:
    """One that is a message itself has no bytes, and is named alone."""
    return Attachment(attachment.file_name or "unnamed", attachment.file_bytes or b"")


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _body(out: Blocks, message: Message, limits: ParseLimits) -> None:
    headers = "\n".join(_headers(message))
    out.add("paragraph", headers)
    if message.body and message.body.strip():
        for paragraph in message.body.replace("\r\n", "\n").split("\n\n"):
            out.add("paragraph", paragraph)
    elif message.html_body:
        out.blocks += parse_html(message.html_body, limits, whole=True).blocks


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
