"""Word: paragraphs, headings, lists, tables, text boxes and footnotes in their order; no headers and footers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import docx
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.ns import qn
from docx.styles.style import ParagraphStyle
from docx.table import Table
from docx.text.paragraph import Paragraph
from lxml import etree

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.parsing.budget import Blocks
from retrieval.parsing.damage import DAMAGED
from retrieval.parsing.dates import from_properties
from retrieval.parsing.sniff import Corrupt

_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_HIDDEN = {qn("w:del"), qn("w:moveFrom"), qn("w:instrText"), qn("w:txbxContent"), _FALLBACK}
_RUN = qn("w:r")
_BREAKS = {qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:tab"): "\t", qn("w:noBreakHyphen"): "-"}
_NOTES = {"footnote": "footnotes", "endnote": "endnotes"}
_OFF = ("0", "false", "off", "none")
_TINY = 4  # half points: of two points nobody reads a word
_DEPTH = 20
_STYLES = 10  # that a style may be based on, one on the other


def parse(path: Path, limits: ParseLimits) -> ParsedDocument:
    out = Blocks(limits.characters)
    try:
        document = docx.Document(str(path))
        _Walker(out, document).walk(document.element.body, 0)
        title = str(document.core_properties.title or "")
        dated_at = from_properties(document.core_properties)
    except (PackageNotFoundError, *DAMAGED) as error:
        raise Corrupt(detail=str(error)) from error
    return ParsedDocument(title.strip(), tuple(out.blocks), dated_at=dated_at)


class _Walker:
    def __init__(self, out: Blocks, document: Any) -> None:
        self.out, self.document = out, document
        self.notes = {kind: _notes(document, part) for kind, part in _NOTES.items()}

    def walk(self, parent: Any, depth: int) -> None:
        """Also what stands in content controls, which hold paragraphs and tables of their own."""
        if depth > _DEPTH:
            return
        for child in parent:
            if child.tag == qn("w:p"):
                self._paragraph(child, depth)
            elif child.tag == qn("w:tbl"):
                self.out.table(_rows(Table(child, self.document)))
            elif child.tag in (qn("w:sdt"), qn("w:sdtContent"), qn("w:ins"), qn("w:smartTag")):
                self.walk(child, depth + 1)

    def _paragraph(self, element: Any, depth: int) -> None:
        paragraph = Paragraph(element, self.document)
        text = _text(element)
        if level := _heading_level(paragraph):
            self.out.add("heading", text, level=level)
        elif _is_item(paragraph):
            self.out.add("list", f"- {text}" if text.strip() else "")
        else:
            self.out.add("paragraph", text)
        for box in _boxes(element):
            self.walk(box, depth + 1)
        self._add_notes(element)

    def _add_notes(self, element: Any) -> None:
        for kind, texts in self.notes.items():
            for reference in element.iter(qn(f"w:{kind}Reference")):
                number = reference.get(qn("w:id")) or ""
                if text := texts.get(number):
                    self.out.add("paragraph", text, locator=f"{kind} {number}")


def _text(element: Any) -> str:
    """The words of a paragraph as they are shown: with insertions, without deletions; text boxes come after it."""
    parts: list[str] = []
    paper = _Paper(element)

    def gather(node: Any, depth: int) -> None:
        for child in node:
            if child.tag == qn("w:t"):
                parts.append(child.text or "")
            elif child.tag in _BREAKS:
                parts.append(_BREAKS[child.tag])
            elif child.tag == _RUN and _is_unseen(child, paper):
                continue
            elif isinstance(child.tag, str) and child.tag not in _HIDDEN and depth < _DEPTH:
                gather(child, depth + 1)

    gather(element, 0)
    return "".join(parts).strip()


class _Paper:
    """What a paragraph is written on, looked at once and only where something in it is white."""

    def __init__(self, paragraph: Any) -> None:
        self.paragraph = paragraph

    @cached_property
    def may_be_dark(self) -> bool:
        """Cells and boxes are coloured by styles of their own."""
        if next(self.paragraph.iter(qn("w:shd")), None) is not None:
            return True
        if next(self.paragraph.iterancestors(qn("w:tbl"), qn("w:txbxContent")), None) is not None:
            return True
        return self.paragraph.getroottree().getroot().find(qn("w:background")) is not None


def _is_unseen(run: Any, paper: _Paper) -> bool:
    """Hidden, tiny, or white with nothing behind it: words that are written for a program. See `unseen`."""
    properties = run.find(qn("w:rPr"))
    if properties is None:
        return False
    vanish = properties.find(qn("w:vanish"))
    if vanish is not None and (vanish.get(qn("w:val")) or "1").lower() not in _OFF:
        return True
    size = properties.find(qn("w:sz"))
    said = "" if size is None else size.get(qn("w:val")) or ""
    if said.isdecimal() and int(said) <= _TINY:
        return True
    colour = properties.find(qn("w:color"))
    if colour is None or (colour.get(qn("w:val")) or "").lower() != "ffffff":
        return False
    return next(run.iter(qn("w:shd"), qn("w:highlight")), None) is None and not paper.may_be_dark


def _boxes(element: Any) -> Iterator[Any]:
    """Each once: an older form of the same stands beside it for older programs."""
    for box in element.iter(qn("w:txbxContent")):
        above = [ancestor.tag for ancestor in box.iterancestors()]
        nested = above[: above.index(qn("w:p"))] if qn("w:p") in above else above
        if _FALLBACK not in above and qn("w:txbxContent") not in nested:
            yield box


def _heading_level(paragraph: Paragraph) -> int:
    style: Any = paragraph.style
    for _ in range(_STYLES):
        if not isinstance(style, ParagraphStyle):
            return 0
        if style.name == "Title":
            return 1
        if found := re.fullmatch(r"Heading (\d)", style.name or ""):
            return int(found[1])
        style = style.base_style
    return 0


def _is_item(paragraph: Paragraph) -> bool:
    name = (paragraph.style.name if paragraph.style is not None else "") or ""
    properties = paragraph._p.pPr
    return name.startswith("List") or (properties is not None and properties.numPr is not None)


def _rows(table: Table) -> list[list[str]]:
    """A cell over several columns stands in the first of them, one over several rows in each."""
    rows = []
    for row in table.rows:
        cells = [""] * row.grid_cols_before
        seen: set[int] = set()
        for cell in row.cells:
            cells.append("" if id(cell._tc) in seen else _cell(cell._tc, 0))
            seen.add(id(cell._tc))
        rows.append(cells)
    return rows


def _cell(element: Any, depth: int) -> str:
    """With what stands in tables inside it."""
    if depth > _DEPTH:
        return ""
    parts = []
    for child in element:
        if child.tag == qn("w:p"):
            parts.append(_text(child))
        elif child.tag != qn("w:tcPr"):
            parts.append(_cell(child, depth + 1))
    return " ".join(part for part in parts if part)


def _notes(document: Any, name: str) -> dict[str, str]:
    """Footnotes or endnotes by their number."""
    for relation in document.part.rels.values():
        if relation.reltype.endswith(f"/{name}") and not relation.is_external:
            parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
            tree = etree.fromstring(relation.target_part.blob, parser)
            return {
                str(note.get(qn("w:id"))): " ".join(filter(None, map(_text, note.iter(qn("w:p")))))
                for note in tree
                if note.get(qn("w:type")) is None
            }
    return {}
