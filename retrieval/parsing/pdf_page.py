"""One page of a PDF through pdfium: its lines of text with where they stand, as the page is shown."""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise
from typing import Any

import pypdfium2.raw as pdfium

from retrieval.contracts import Box

Sides = tuple[float, float, float, float]
_DEVICE = 1_000_000  # a page is measured as if it were drawn so many dots wide and high
_HYPHENS = "\ufffe\x02"  # what pdfium gives for a hyphen at the end of a line, without a line end
_WIDE_GAP = 1.0  # of the line's height: more than spaces between words take
_BOLD = 600
_BOLD_NAME = re.compile(rb"bold|black|heavy|demi", re.I)
_HEADING_CHARACTERS = 120
_WHITE = 250  # of 255, each of the three colours
_OBJECTS = 20_000  # of a page; with more, its words count as seen
_PIECE = re.compile("[^\ufffe\x02\n]+[\ufffe\x02\n]?")


class _Look(Enum):
    SHOWN = 0
    WHITE = 1
    UNPAINTED = 2


@dataclass(slots=True)
class Segment:
    """Words of a line with no wide gap between them. Points from the upper left corner of the page as shown."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


@dataclass(slots=True)
class Line:
    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float = 0.0  # height of its first character's font
    bold: bool = False
    broken: bool = False  # its last word goes on in the next line
    segments: list[Segment] = field(default_factory=list)
    start: int = 0  # of its text in the text of the page

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def is_upright(self) -> bool:
        """Written upwards or downwards."""
        return len(self.text) > 2 and self.height > 1.5 * (self.right - self.left)

    @property
    def parts(self) -> list[Segment]:
        return self.segments or [Segment(self.text, self.left, self.top, self.right, self.bottom)]

    def box(self, page: int, width: float, height: float) -> Box:
        return fraction_box(page, (self.left, self.top, self.right, self.bottom), width, height)


def fraction_box(page: int, sides: Sides, width: float, height: float) -> Box:
    left, top, right, bottom = sides
    return Box(page, _share(left, width), _share(top, height), _share(right, width), _share(bottom, height))


def _share(value: float, whole: float) -> float:
    return round(min(max(value / whole, 0.0), 1.0), 4) if whole > 0 else 0.0


class PageText:
    """The text layer of an open page. Rectangles go through pdfium's own way from the page to the screen, which knows
    of rotation and of the part of the page that is shown."""

    def __init__(self, page: Any) -> None:
        self.width, self.height = page.get_size()
        self._matrix = _display_matrix(page, self.width, self.height)
        self._page = page
        self._drawn: frozenset[int] | None = None
        self._held = page.get_textpage()
        self._text_page = self._held.raw  # thousands of calls take it
        self._turned = abs(self._matrix[1]) > 1e-6
        self._rect, self._flags = pdfium.FS_RECTF(), ctypes.c_int()
        self._name = ctypes.create_string_buffer(128)
        self._sides = [ctypes.c_double() for _ in range(4)]
        self.text: str = self._held.get_text_range()

    def lines(self) -> list[Line]:
        found = []
        for piece in _PIECE.finditer(self.text):
            raw = piece.group()
            text = raw.strip("\r\n\t " + _HYPHENS)
            start = piece.start() + raw.index(text[0]) if text else 0
            if text and not self._is_unseen(start, len(text)) and (line := self._line(start, text)) is not None:
                line.broken = raw[-1] in _HYPHENS
                found.append(line)
        return found

    def _is_unseen(self, start: int, count: int) -> bool:
        """Words that are not painted, or white on a page with nothing but words. Those over or under a picture are
        what was read from a scan."""
        char = self._char_index
        looks = [self._look(char(at)) for at in (start, start + count // 2, start + count - 1)]
        if all(one is _Look.UNPAINTED for one in looks):
            return not self._kinds() & {pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM}
        return all(one is not _Look.SHOWN for one in looks) and self._kinds() <= {pdfium.FPDF_PAGEOBJ_TEXT}

    def _look(self, char: int) -> _Look:
        mode = pdfium.FPDFTextObj_GetTextRenderMode(pdfium.FPDFText_GetTextObject(self._text_page, char))
        if mode == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE:
            return _Look.UNPAINTED
        red, green, blue, alpha = colour = [ctypes.c_uint() for _ in range(4)]
        if not pdfium.FPDFText_GetFillColor(self._text_page, char, red, green, blue, alpha):
            return _Look.SHOWN
        is_filled = mode in (pdfium.FPDF_TEXTRENDERMODE_FILL, pdfium.FPDF_TEXTRENDERMODE_FILL_CLIP)
        white = min(one.value for one in colour[:3]) >= _WHITE or alpha.value == 0
        return _Look.WHITE if is_filled and white else _Look.SHOWN

    def _kinds(self) -> frozenset[int]:
        """Of what is drawn on the page."""
        if self._drawn is None:
            number = pdfium.FPDFPage_CountObjects(self._page)
            objects = (pdfium.FPDFPage_GetObject(self._page, at) for at in range(min(number, _OBJECTS)))
            more = {pdfium.FPDF_PAGEOBJ_UNKNOWN} if number > _OBJECTS else set()
            self._drawn = frozenset({pdfium.FPDFPageObj_GetType(one) for one in objects} | more)
        return self._drawn

    def _line(self, start: int, text: str) -> Line | None:
        rects = self._rects(start, len(text))
        if not rects:
            return None
        sides = self.shown(_union(rects))
        first = self._char_index(start)
        line = Line(text, *sides, size=self._font_height(first), start=start)
        if len(text) <= _HEADING_CHARACTERS:
            line.bold = self._is_bold(first)
        if self._has_gap(rects, line.height):
            line.segments = self._split(line)
        return line

    def words(self, line: Line) -> list[Segment]:
        found = []
        for word in re.finditer(r"\S+", line.text):
            first = self._char_sides(line.start + word.start())
            last = self._char_sides(line.start + word.end() - 1)
            if first and last:
                found.append(Segment(word.group(), first[0], min(first[1], last[1]), last[2], max(first[3], last[3])))
        return found

    def _split(self, line: Line) -> list[Segment]:
        """At the spaces that are wider than a space."""
        segments: list[Segment] = []
        begun, left = 0, line.left
        for space in re.finditer(r"\s+", line.text):
            before = self._char_sides(line.start + space.start() - 1)
            after = self._char_sides(line.start + space.end())
            if before and after and after[0] - before[2] > _WIDE_GAP * line.height:
                segments.append(Segment(line.text[begun : space.start()], left, line.top, before[2], line.bottom))
                begun, left = space.end(), after[0]
        if not segments:
            return []
        return [*segments, Segment(line.text[begun:], left, line.top, line.right, line.bottom)]

    def _font_height(self, char: int) -> float:
        if not pdfium.FPDFText_GetLooseCharBox(self._text_page, char, self._rect):
            return 0.0
        box = self.shown((self._rect.left, self._rect.bottom, self._rect.right, self._rect.top))
        return box[3] - box[1]

    def _is_bold(self, char: int) -> bool:
        if pdfium.FPDFText_GetFontWeight(self._text_page, char) >= _BOLD:
            return True
        length = pdfium.FPDFText_GetFontInfo(self._text_page, char, self._name, len(self._name), self._flags)
        return bool(length) and bool(_BOLD_NAME.search(self._name.value))

    def _char_index(self, text_index: int) -> int:
        return int(pdfium.FPDFText_GetCharIndexFromTextIndex(self._text_page, text_index))

    def _char_sides(self, text_index: int) -> Sides | None:
        left, right, bottom, top = self._sides
        if not pdfium.FPDFText_GetCharBox(self._text_page, self._char_index(text_index), left, right, bottom, top):
            return None
        return self.shown((left.value, bottom.value, right.value, top.value))

    def _rects(self, start: int, count: int) -> list[Sides]:
        """In the page's own coordinates: (left, bottom, right, top)."""
        left, top, right, bottom = self._sides
        text_page, rect = self._text_page, pdfium.FPDFText_GetRect
        found = []
        for number in range(pdfium.FPDFText_CountRects(text_page, self._char_index(start), count)):
            if rect(text_page, number, left, top, right, bottom):
                found.append((left.value, bottom.value, right.value, top.value))
        return found

    def _has_gap(self, rects: list[Sides], height: float) -> bool:
        if self._turned:
            rects = [self.shown(rect) for rect in rects]
        wide = _WIDE_GAP * height
        return any(after[0] - before[2] > wide for before, after in pairwise(rects))

    def shown(self, sides: Sides) -> Sides:
        """(left, bottom, right, top) of the page's own coordinates -> (left, top, right, bottom) as it is shown."""
        a, b, c, d, e, f = self._matrix
        left, bottom, right, top = sides
        x1, y1 = a * left + c * bottom + e, b * left + d * bottom + f
        x2, y2 = a * right + c * top + e, b * right + d * top + f
        return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


def _display_matrix(page: Any, width: float, height: float) -> tuple[float, float, float, float, float, float]:
    across, down = ctypes.c_int(), ctypes.c_int()

    def at(x: float, y: float) -> tuple[float, float]:
        pdfium.FPDF_PageToDevice(page, 0, 0, _DEVICE, _DEVICE, 0, x, y, across, down)
        return across.value * width / _DEVICE, down.value * height / _DEVICE

    (e, f), (xx, xy), (yx, yy) = at(0, 0), at(1000, 0), at(0, 1000)
    return (xx - e) / 1000, (xy - f) / 1000, (yx - e) / 1000, (yy - f) / 1000, e, f


def _union(rects: list[Sides]) -> Sides:
    return min(r[0] for r in rects), min(r[1] for r in rects), max(r[2] for r in rects), max(r[3] for r in rects)
