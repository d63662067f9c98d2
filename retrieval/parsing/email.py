"""E-mail (RFC 5322): the headers that people look for, the body, and the attachments."""

from __future__ import annotations

from datetime import UTC, datetime
from email import policy
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.parsing.attachments import Attachment, add_attachments
from retrieval.parsing.budget import Blocks
from retrieval.parsing.damage import DAMAGED
from retrieval.parsing.html import parse_html
from retrieval.parsing.sniff import Corrupt, Empty

_HEADERS = ("From", "To", "Cc", "Date", "Subject")


def parse(path: Path, limits: ParseLimits) -> ParsedDocument:
    out = Blocks(limits.characters)
    try:
        with path.open("rb") as stream:
            message = BytesParser(policy=policy.default).parse(stream)
        subject = str(message.get("Subject", "")).strip()
        headers = [f"{name}: {message[name]}" for name in _HEADERS if message.get(name)]
        _body(out, message, headers, limits)
        attachments = [_attachment(part) for part in message.iter_attachments()]
        dated_at = _date(message)
    except (MessageError, *DAMAGED) as error:
        raise Corrupt("The e-mail is damaged and cannot be opened.", detail=str(error)) from error
    warnings = add_attachments(out, subject, attachments, limits)
    if not out.blocks:
        raise Empty("The e-mail holds no text.")
    return ParsedDocument(subject, tuple(out.blocks), warnings=tuple(warnings), dated_at=dated_at)


def _date(message: EmailMessage) -> datetime | None:
    found = getattr(message.get("Date"), "datetime", None)
    if not isinstance(found, datetime):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _attachment(part: EmailMessage) -> Attachment:
    shown = part.get_content_disposition() == "inline" or "Content-ID" in part
    inline = shown and part.get_content_maintype() == "image"
    if part.get_content_type() == "message/rfc822":
        within = part.get_payload(0)
        subject = str(within.get("Subject") or "message") if isinstance(within, EmailMessage) else "message"
        name, content = f"{subject}.eml", within.as_bytes() if isinstance(within, EmailMessage) else b""
    else:
        payload = part.get_payload(decode=True)
        name, content = "unnamed", payload if isinstance(payload, bytes) else b""
    return Attachment(" ".join(str(part.get_filename() or name).split()), content, inline)


def _body(out: Blocks, message: EmailMessage, headers: list[str], limits: ParseLimits) -> None:
    part = message.get_body(preferencelist=("plain", "html"))
    content = str(part.get_content()) if part is not None else ""
    if part is not None and part.get_content_type() == "text/html" and content.strip():
        out.add("paragraph", "\n".join(headers))
        out.blocks += parse_html(content, limits, whole=True).blocks
        return
    paragraphs = content.replace("\r\n", "\n").split("\n\n")
    out.add("paragraph", "\n".join([*headers, "", paragraphs[0]]))
    for paragraph in paragraphs[1:]:
        out.add("paragraph", paragraph)
