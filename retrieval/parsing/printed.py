"""From the lines and tables of printed pages to blocks: headings by their size or weight, paragraphs by white lines."""

from __future__ import annotations

import statistics
from itertools import pairwise

from retrieval.contracts import BlockKind
from retrieval.errors import DocumentRejected
from retrieval.parsing.budget import Blocks
from retrieval.parsing.pdf_page import Line, fraction_box
from retrieval.parsing.pdf_running import PageContent
from retrieval.parsing.pdf_tables import PageTable

_HEADING_RATIO = 1.15
_HEADING_CHARACTERS = 120
_BOLD_CHARACTERS = 90
_HEADING_LINES = 3
_HEADING_GAP = 0.6  # of its height, between the lines of one heading
_PARAGRAPH_GAP = 1.45  # of the usual distance from line to line


class NoText(DocumentRejected):
    code = "no_text"
    user_message = "The document holds no text, only pictures of it."
    advice = "Run text recognition (OCR) on it first and upload the result."


def add_pages(out: Blocks, pages: list[PageContent]) -> None:
    body = _body_size(pages)
    for page in pages:
        _Assembly(out, page, body).add()


def _body_size(pages: list[PageContent]) -> float:
    sizes = [line.size for page in pages for line in page.lines for _ in range(1 + len(line.text) // 20)]
    return statistics.median(sizes) if sizes else 0.0


class _Assembly:
    """Blocks from the lines and tables of a page."""

    def __init__(self, out: Blocks, page: PageContent, body: float) -> None:
        self.out, self.page, self.body = out, page, body
        self.paragraph: list[Line] = []
        self.heading: list[Line] = []  # of several lines
        self.level = 0
        steps = [b.top - a.top for a, b in pairwise(page.lines) if b.top > a.top]
        self.step = statistics.median(steps) if steps else 0.0

    def add(self) -> None:
        for item in self.page.items:
            if isinstance(item, PageTable):
                self._flush()
                boxes = [fraction_box(self.page.number, s, self.page.width, self.page.height) for s in item.sides]
                self.out.table(item.rows, page=self.page.number, boxes=boxes)
            elif level := self._heading_level(item):
                self._add_to_heading(item, level)
            else:
                self._flush_heading()
                if self.paragraph and self._begins_paragraph(self.paragraph[-1], item):
                    self._flush()
                self.paragraph.append(item)
        self._flush()

    def _add_to_heading(self, line: Line, level: int) -> None:
        last = self.heading[-1] if self.heading else None
        close = last is not None and -0.5 * line.height < line.top - last.bottom < _HEADING_GAP * line.height
        if self.paragraph or level != self.level or not close or len(self.heading) >= _HEADING_LINES:
            self._flush()
        self.heading.append(line)
        self.level = level

    def _heading_level(self, line: Line) -> int:
        if not self.body or len(line.text) >= _HEADING_CHARACTERS or not any(c.isalpha() for c in line.text):
            return 0
        if line.size > self.body * _HEADING_RATIO:
            return 1 if line.size > self.body * 1.6 else 2
        ends = line.text[-1] in ".,;:"
        alone = not self.paragraph or self._begins_paragraph(self.paragraph[-1], line)
        names = line.text[0].isalnum()
        return 3 if line.bold and alone and names and not ends and len(line.text) < _BOLD_CHARACTERS else 0

    def _begins_paragraph(self, last: Line, line: Line) -> bool:
        step = line.top - last.top
        return step > _PARAGRAPH_GAP * max(self.step, last.height)

    def _flush(self) -> None:
        self._flush_heading()
        self._add_lines("paragraph", self.paragraph, 0)
        self.paragraph = []

    def _flush_heading(self) -> None:
        self._add_lines("heading", self.heading, self.level)
        self.heading = []

    def _add_lines(self, kind: BlockKind, lines: list[Line], level: int) -> None:
        boxes = [line.box(self.page.number, self.page.width, self.page.height) for line in lines]
        text = (" " if kind == "heading" else "\n").join(line.text for line in lines)
        self.out.add(kind, text, page=self.page.number, level=level, boxes=boxes)
