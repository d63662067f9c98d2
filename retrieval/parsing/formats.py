"""Which module reads which kind of file. Imports all of them: only the zygote does, before it forks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePath

from retrieval.config import ParseLimits
from retrieval.contracts import Block, ParsedDocument
from retrieval.dates import storable_moment
from retrieval.indexed_text import readable_name
from retrieval.parsing import (
    code,
    docx,
    email,
    epub,
    html,
    json_data,
    markdown,
    notebook,
    outlook,
    pdf,
    picture,
    pptx,
    text,
    xlsx,
    xml_data,
)
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
    "epub": epub.parse,
    "source": code.parse,
    "json": json_data.parse,
    "jsonl": json_data.parse_lines,
    "notebook": notebook.parse,
    "xml": xml_data.parse,
    "png": picture.parse,
    "jpeg": picture.parse,
    "tiff": picture.parse,
    "webp": picture.parse,
    "bmp": picture.parse,
}

_OWN_NAMES = {"source", "xlsx"}  # their first heading is the name of a part


def parse(kind: str, path: Path, name: str, limits: ParseLimits) -> ParsedDocument:
    parsed = _PARSERS[kind](path, limits)
    if not parsed.blocks:
        raise Empty("The document holds no text.", advice="Check that it is the right file.")
    title = parsed.title or ("" if kind in _OWN_NAMES else _first_heading(parsed.blocks)) or _readable(kind, name)
    title = " ".join(title.split())
    return ParsedDocument(title[:300], parsed.blocks, parsed.pages, parsed.warnings, storable_moment(parsed.dated_at))


def _readable(kind: str, name: str) -> str:
    return PurePath(name).name if kind == "source" else readable_name(name)


def _first_heading(blocks: tuple[Block, ...]) -> str:
    return next((b.text for b in blocks[:5] if b.kind == "heading"), "")
