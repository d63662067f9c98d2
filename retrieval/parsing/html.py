"""HTML: the main text without menus and footers, with its headings, lists and tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import trafilatura
from lxml import etree
from lxml import html as lxml_html

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.parsing.budget import Blocks
from retrieval.parsing.encoding import decode_page
from retrieval.parsing.sniff import Corrupt, Empty
from retrieval.parsing.unseen import unseen_in

_SKIP = {"script", "style", "nav", "footer", "noscript", "template", "form", "aside", "button", "svg", "iframe", "head"}
_HEADINGS = {f"h{n}": n for n in range(1, 7)}
_WHOLE = {"p", "li", "pre", "blockquote", "dt", "dd", "td", "th", "figcaption", "caption", "address"}
_LISTS = ("ul", "ol")
_SILENT = {"script", "style", "noscript", "template", "svg", "head"}
_INLINE = {
    *("a", "abbr", "b", "bdi", "bdo", "big", "br", "cite", "code", "data", "del", "dfn", "em", "font", "i", "img"),
    *(
        "ins",
        "kbd",
        "label",
        "mark",
        "q",
        "s",
        "samp",
        "small",
        "span",
        "strong",
        "sub",
        "sup",
        "time",
        "tt",
        "u",
        "var",
    ),
    "wbr",
}
_CELL = 1000  # characters: a longer cell is a part of the page
_DEPTH = 200
_LIST_DEPTH = 8
_SPAN = 50  # columns or rows that a cell may say it covers
_DATES = (
    "article:modified_time",
    "og:updated_time",
    "last-modified",
    "dcterms.modified",
    "article:published_time",
    "date",
)


def parse(path: Path, limits: ParseLimits) -> ParsedDocument:
    text = decode_page(path.read_bytes())
    if text is None:
        raise Corrupt
    return parse_html(text, limits)


def parse_html(text: str, limits: ParseLimits, *, whole: bool = False) -> ParsedDocument:
    """`whole`: it is no web page, so everything in it is main text."""
    try:
        tree = lxml_html.document_fromstring(text.encode(), parser=lxml_html.HTMLParser(encoding="utf-8"))
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise Empty("The page holds no text.", advice="Check that it is the right file.") from error
    out = Blocks(limits.characters)
    title = " ".join((tree.findtext(".//title") or "").split())
    _drop_unseen(tree)
    body = tree.find("body")
    _walk(out, body if body is not None else tree, 0)
    if not whole and (sum(len(b.text) for b in out.blocks) > 200 or not out.blocks):
        _drop_boilerplate(out, text)
    return ParsedDocument(title, tuple(out.blocks), dated_at=_date(tree))


def _drop_unseen(tree: etree._Element) -> None:
    """With comments; the words behind them stay."""
    comments = [one for one in tree.iter() if not isinstance(one.tag, str)]
    tails, texts = dict[etree._Element, list[str]](), dict[etree._Element, list[str]]()  # what is added to them
    for node in [*comments, *unseen_in(tree)]:
        if (above := node.getparent()) is not None and node.tag != "body":
            behind = [node.tail or "", *tails.pop(node, ())]
            before = node.getprevious()
            if before is not None:
                tails.setdefault(before, []).extend(behind)
            else:
                texts.setdefault(above, []).extend(behind)
            above.remove(node)
    for node, words in tails.items():
        node.tail = (node.tail or "") + "".join(words)
    for node, words in texts.items():
        node.text = (node.text or "") + "".join(words)


def _date(tree: etree._Element) -> datetime | None:
    said: dict[str, str] = {}
    for meta in tree.iter("meta"):
        name = meta.get("property") or meta.get("name") or meta.get("http-equiv") or ""
        said.setdefault(name.lower(), meta.get("content") or "")
    for name in _DATES:
        try:
            moment = datetime.fromisoformat(said[name].strip())
        except (KeyError, ValueError):
            continue
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return None


def _walk(out: Blocks, node: etree._Element, depth: int) -> None:
    tag = node.tag if isinstance(node.tag, str) else ""
    if not tag or tag in _SKIP or depth > _DEPTH:
        return
    if tag in _HEADINGS:
        out.add("heading", _text(node), level=_HEADINGS[tag])
    elif tag == "table" and not _is_layout(node):
        out.table(_rows(node))
    elif tag == "pre":
        out.add("code", "".join(node.itertext()))
    elif tag in _LISTS and not node.findall(".//table"):
        out.add("list", "\n".join(_items(node, 0)))
    elif not len(node) or (tag in _WHOLE and next(node.iter("table", *_LISTS), None) is None):
        out.add("paragraph", _text(node))
    else:
        _walk_inside(out, node, depth)


def _walk_inside(out: Blocks, node: etree._Element, depth: int) -> None:
    """Words between the blocks are paragraphs, whatever marks them up within."""
    run = [_flat(node.text)]
    for child in node:
        if _is_inline(child):
            run.append("\n" if child.tag == "br" else _flat("".join(_words(child))))
        else:
            out.add("paragraph", _tidy("".join(run)))
            run = []
            _walk(out, child, depth + 1)
        run.append(_flat(child.tail))
    out.add("paragraph", _tidy("".join(run)))


def _is_inline(node: etree._Element) -> bool:
    if not isinstance(node.tag, str) or node.tag in _SILENT:
        return True
    return node.tag in _INLINE and all(one.tag in _INLINE for one in node.iter() if isinstance(one.tag, str))


def _items(node: etree._Element, depth: int) -> Iterator[str]:
    """Numbered where the page numbers them, and indented as deep as they stand."""
    number = 0
    for child in node:
        if child.tag in _LISTS and depth < _LIST_DEPTH:
            yield from _items(child, depth + 1)
        elif isinstance(child.tag, str) and child.tag not in _SKIP:
            number += 1
            mark = f"{number}." if node.tag == "ol" else "-"
            inner = [one for one in child.iter(*_LISTS) if depth < _LIST_DEPTH and _list_above(one, child)]
            if text := " ".join("".join(_without(child, inner)).split()):
                yield "  " * depth + f"{mark} {text}"
            for one in inner:
                yield from _items(one, depth + 1)


def _list_above(node: etree._Element, item: etree._Element) -> bool:
    """Whether no other list stands between the two."""
    for above in node.iterancestors():
        if above is item:
            return True
        if above.tag in _LISTS:
            return False
    return False


def _without(node: etree._Element, left_out: list[etree._Element]) -> Iterator[str]:
    yield node.text or ""
    for child in node:
        if isinstance(child.tag, str) and child not in left_out:
            yield from _without(child, left_out)
        yield child.tail or ""


def _rows(table: etree._Element) -> list[list[str]]:
    """A cell over several columns stands in the first of them, one over several rows in each."""
    rows: list[list[str]] = []
    held: dict[int, tuple[str, int]] = {}
    for row in table.iter("tr"):
        cells: list[str] = []
        above, held = held, {}
        for cell in row.iter("td", "th"):
            _add_held(cells, above, held)
            text, down = _text(cell), _span(cell, "rowspan")
            for _ in range(_span(cell, "colspan")):
                if down > 1:
                    held[len(cells)] = (text, down - 1)
                cells.append(text)
                text = ""
        _add_held(cells, above, held)
        rows.append(cells)
    return rows


def _add_held(cells: list[str], above: dict[int, tuple[str, int]], held: dict[int, tuple[str, int]]) -> None:
    """The cells of rows above that reach into this one, and those of them that reach further."""
    while (entry := above.get(len(cells))) is not None:
        text, left = entry
        if left > 1:
            held[len(cells)] = (text, left - 1)
        cells.append(text)


def _is_layout(table: etree._Element) -> bool:
    """Whether a table only arranges parts of a page."""
    if next((one for one in table.iter("table") if one is not table), None) is not None:
        return True
    if next(table.iter("th"), None) is not None:
        return False
    cells = [list(row.iter("td")) for row in table.iter("tr")]
    if max(map(len, cells), default=0) < 2:
        return True
    inner = (f"h{n}" for n in range(1, 7))
    return next(table.iter(*inner), None) is not None or any(len(_text(one)) > _CELL for row in cells for one in row)


def _span(cell: etree._Element, name: str) -> int:
    said = (cell.get(name) or "").strip()
    return min(max(int(said), 1), _SPAN) if said.isdecimal() and len(said) < 6 else 1


def _text(node: etree._Element) -> str:
    return " ".join("".join(_words(node)).split())


def _words(node: etree._Element) -> Iterator[str]:
    """Without scripts and styles, and with a space where a line is broken."""
    if not isinstance(node.tag, str) or node.tag in _SILENT:
        return
    yield node.text or ""
    for child in node:
        edge = "" if child.tag in _INLINE and child.tag != "br" else " "
        yield edge
        yield from _words(child)
        yield edge
        yield child.tail or ""


def _flat(text: str | None) -> str:
    """Line ends of the source are spaces."""
    return " ".join((text or "").splitlines())


def _tidy(text: str) -> str:
    return "\n".join(filter(None, (" ".join(line.split()) for line in text.split("\n"))))


def _drop_boilerplate(out: Blocks, text: str) -> None:
    """Keeps the blocks that trafilatura takes for the main text, unless it would drop most of the page."""
    main = trafilatura.extract(text, include_tables=True, include_comments=False, favor_recall=True) or ""
    known = set(main.split())
    if not known:
        return
    main_text = [
        block.kind in ("heading", "table", "code")
        or sum(word in known for word in block.text.split()) >= 0.6 * len(block.text.split())
        for block in out.blocks
    ]
    inside = [False, *(a and b for a, b in zip(main_text, main_text[2:], strict=False)), False]  # menus come in runs
    kept = [block for block, main, held in zip(out.blocks, main_text, inside, strict=False) if main or held]
    if sum(len(b.text) for b in kept) >= 0.5 * sum(len(b.text) for b in out.blocks):
        out.blocks = kept
