"""E-mail (RFC 5322): the headers that people look for, the body, and the names of attachments."""

from __future__ import annotations

from email import policy
from email.errors import MessageError
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.parsing.budget import Blocks
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
        names = [str(part.get_filename() or "unnamed") for part in message.iter_attachments()]
    except (MessageError, LookupError, ValueError, AttributeError, TypeError) as error:
        raise Corrupt("The e-mail is damaged and cannot be opened.", detail=str(error)) from error
    if names:
        out.add("paragraph", "Attachments: " + ", ".join(names))
    if not out.blocks:
        raise Empty("The e-mail holds no text.")
    return ParsedDocument(subject, tuple(out.blocks), warnings=attachments_warning(names))


def attachments_warning(names: list[str]) -> tuple[str, ...]:
    if not names:
        return ()
    count = "1 attachment was" if len(names) == 1 else f"{len(names)} attachments were"
    return (f"{count} not read; upload what is needed of them.",)


def _body(out: Blocks, message: EmailMessage, headers: list[str], limits: ParseLimits) -> None:
    part = message.get_body(preferencelist=("plain", "html"))
    content = str(part.get_content()) if part is not None else ""
    if part is not None and part.get_content_type() == "text/html" and content.strip():
        out.add("paragraph", "\n".join(headers))
        out.blocks += parse_html(content, limits).blocks
        return
    paragraphs = content.replace("\r\n", "\n").split("\n\n")
    out.add("paragraph", "\n".join([*headers, "", paragraphs[0]]))
    for paragraph in paragraphs[1:]:
        out.add("paragraph", paragraph)
