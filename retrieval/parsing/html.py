"""HTML: the main text without menus and footers, with its headings, lists and tables."""

from __future__ import annotations

from pathlib import Path

import trafilatura
from lxml import etree
from lxml import html as lxml_html

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.parsing.budget import Blocks
from retrieval.parsing.encoding import decode
from retrieval.parsing.sniff import Corrupt, Empty

_SKIP = {"script", "style", "nav", "footer", "noscript", "template", "form", "aside", "button", "svg", "iframe", "head"}
_HEADINGS = {f"h{n}": n for n in range(1, 7)}
_WHOLE = {"p", "li", "pre", "blockquote", "dt", "dd", "td", "th", "figcaption", "caption", "address"}
_DEPTH = 200


def parse(path: Path, limits: ParseLimits) -> ParsedDocument:
    text = decode(path.read_bytes())
    if text is None:
        raise Corrupt
    return parse_html(text, limits)


def parse_html(text: str, limits: ParseLimits) -> ParsedDocument:
    try:
        tree = lxml_html.document_fromstring(text.encode(), parser=lxml_html.HTMLParser(encoding="utf-8"))
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise Empty("The page holds no text.", advice="Check that it is the right file.") from error
    out = Blocks(limits.characters)
    title = " ".join((tree.findtext(".//title") or "").split())
    body = tree.find("body")
    _walk(out, body if body is not None else tree, 0)
    if sum(len(b.text) for b in out.blocks) > 200 or not out.blocks:
        _drop_boilerplate(out, text)
    return ParsedDocument(title, tuple(out.blocks))


def _walk(out: Blocks, node: etree._Element, depth: int) -> None:
    tag = node.tag if isinstance(node.tag, str) else ""
    if not tag or tag in _SKIP or node.get("hidden") is not None or depth > _DEPTH:
        return
    if tag in _HEADINGS:
        out.add("heading", _text(node), level=_HEADINGS[tag])
    elif tag == "table" and not node.findall(".//table"):
        rows = [[_text(cell) for cell in row.iter("td", "th")] for row in node.iter("tr")]
        out.table(rows)
    elif tag == "pre":
        out.add("code", "".join(node.itertext()))
    elif tag in ("ul", "ol") and not node.findall(".//table"):
        out.add("list", "\n".join(f"- {_text(item)}" for item in node.findall("li")))
    elif tag in _WHOLE or not len(node):
        out.add("paragraph", _text(node))
    else:
        out.add("paragraph", " ".join((node.text or "").split()))
        for child in node:
            _walk(out, child, depth + 1)
            out.add("paragraph", " ".join((child.tail or "").split()))


def _text(node: etree._Element) -> str:
    return " ".join("".join(node.itertext()).split())


def _drop_boilerplate(out: Blocks, text: str) -> None:
    """Keeps the blocks that trafilatura takes for the main text, unless it would drop most of the page."""
    main = trafilatura.extract(text, include_tables=True, include_comments=False, favor_recall=True) or ""
    known = set(main.split())
    if not known:
        return
    kept = [
        block
        for block in out.blocks
        if block.kind in ("heading", "table", "code")
        or sum(word in known for word in block.text.split()) >= 0.6 * len(block.text.split())
    ]
    if sum(len(b.text) for b in kept) >= 0.5 * sum(len(b.text) for b in out.blocks):
        out.blocks = kept
