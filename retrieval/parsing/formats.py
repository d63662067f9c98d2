"""Which module reads which kind of file. Modules are imported at need: a text file does not pay for pdfplumber."""

from __future__ import annotations

from pathlib import Path

from retrieval.config import ParseLimits
from retrieval.contracts import Block, ParsedDocument
from retrieval.indexed_text import readable_name
from retrieval.parsing.sniff import Empty


def parse(kind: str, path: Path, name: str, limits: ParseLimits) -> ParsedDocument:
    parsed = _dispatch(kind, path, limits)
    if not any(block.kind != "heading" for block in parsed.blocks) and not parsed.blocks:
        raise Empty("The document holds no text.", advice="Check that it is the right file.")
    title = " ".join((parsed.title or _first_heading(parsed.blocks) or readable_name(name)).split())
    return ParsedDocument(title[:300], parsed.blocks, parsed.pages, parsed.warnings)


def _dispatch(kind: str, path: Path, limits: ParseLimits) -> ParsedDocument:
    if kind == "pdf":
        from retrieval.parsing.pdf import parse as parse_pdf

        return parse_pdf(path, limits)
    if kind == "docx":
        from retrieval.parsing.docx import parse as parse_docx

        return parse_docx(path, limits)
    if kind == "pptx":
        from retrieval.parsing.pptx import parse as parse_pptx

        return parse_pptx(path, limits)
    if kind == "xlsx":
        from retrieval.parsing.xlsx import parse as parse_xlsx

        return parse_xlsx(path, limits)
    if kind == "html":
        from retrieval.parsing.html import parse as parse_html

        return parse_html(path, limits)
    if kind == "markdown":
        from retrieval.parsing.markdown import parse as parse_markdown

        return parse_markdown(path, limits)
    if kind == "email":
        from retrieval.parsing.email import parse as parse_email

        return parse_email(path, limits)
    if kind == "outlook":
        from retrieval.parsing.outlook import parse as parse_outlook

        return parse_outlook(path, limits)
    from retrieval.parsing import text

    return text.parse_csv(path, limits) if kind == "csv" else text.parse(path, limits)


def preload() -> None:
    """For the process that forks a child for each file: imports once what every child needs."""
    from retrieval.parsing import docx, email, html, markdown, outlook, pdf, pptx, text, xlsx  # noqa: F401


def _first_heading(blocks: tuple[Block, ...]) -> str:
    return next((b.text for b in blocks[:5] if b.kind == "heading"), "")
