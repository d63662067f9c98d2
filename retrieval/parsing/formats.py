"""Which module reads which kind of file. Imports all of them: only the zygote does, before it forks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from retrieval.config import ParseLimits
from retrieval.contracts import Block, ParsedDocument
from retrieval.indexed_text import readable_name
from retrieval.parsing import docx, email, html, markdown, outlook, pdf, pptx, text, xlsx
from retrieval.parsing.sniff import Empty

_PARSERS: dict[str, Callable[[Path, ParseLimits], ParsedDocument]] = {
    "pdf": pdf.parse,
    "docx": docx.parse,
    "pptx": pptx.parse,
    "xlsx": xlsx.parse,
    "html": html.parse,
    "markdown": markdown.parse,
    "email": email.parse,
    "outlook": outlook.parse,
    "csv": text.parse_csv,
    "text": text.parse,
}


def parse(kind: str, path: Path, name: str, limits: ParseLimits) -> ParsedDocument:
    parsed = _PARSERS[kind](path, limits)
    if not parsed.blocks:
        raise Empty("The document holds no text.", advice="Check that it is the right file.")
    title = " ".join((parsed.title or _first_heading(parsed.blocks) or readable_name(name)).split())
    return ParsedDocument(title[:300], parsed.blocks, parsed.pages, parsed.warnings)


def _first_heading(blocks: tuple[Block, ...]) -> str:
    return next((b.text for b in blocks[:5] if b.kind == "heading"), "")
