"""What a PDF repeats on page after page: heads, feet and page numbers. And words that were broken at line ends."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from retrieval.parsing.pdf_page import Line
from retrieval.parsing.pdf_tables import PageTable

_ZONE = 0.12  # of the page's height, at the top and at the bottom
_MARGIN_LINES = 4
_SAME_PLACE = 0.015
_LEAST_PAGES = 3
_DENSITY = 0.4  # of the pages from its first to its last
_NUMBERED = re.compile(
    r"[-–—\s|]*(?:page|seite|p\.|pg\.?|página|pagina)?\s*[#ivxlc]{1,6}(?:\s*(?:of|von|/|de|di|sur)\s*#+)?[-–—\s|]*"
)
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LAST = re.compile(r"([^\W\d_]+)-?$")
_FIRST = re.compile(r"^([^\W\d_]+)(\S*)\s*")
_KNOWN = 3  # letters from which both halves of a compound count as words


@dataclass(slots=True)
class PageContent:
    number: int
    width: float
    height: float
    items: list[Line | PageTable]

    @property
    def lines(self) -> list[Line]:
        return [item for item in self.items if isinstance(item, Line)]


def drop_running_lines(pages: list[PageContent]) -> None:
    """The first of each text stays, so that nothing is lost that stands only there; page numbers go everywhere."""
    _drop_last_lines(pages)
    places: dict[str, list[tuple[int, float]]] = {}
    margins = [_margin(page) for page in pages]
    for index, (page, lines) in enumerate(zip(pages, margins, strict=True)):
        for line in lines:
            places.setdefault(_key(line), []).append((index, line.top / page.height))
    running = {key: _repeated(found, len(pages)) for key, found in places.items()}
    kept: set[str] = set()
    for page, lines in zip(pages, margins, strict=True):
        gone: set[int] = set()
        for line in lines:
            key = _key(line)
            if not _stands(running[key], line.top / page.height):
                continue
            if key in kept or _NUMBERED.fullmatch(key):
                gone.add(id(line))
            kept.add(key)
        if gone:
            page.items = [item for item in page.items if id(item) not in gone]


def _drop_last_lines(pages: list[PageContent]) -> None:
    """A numbered foot that follows the text stands at another height on each page, but always last."""
    last = {page.number: max(page.lines, key=lambda line: line.bottom) for page in pages if page.lines}
    found: dict[str, list[int]] = {}
    for number, line in last.items():
        if re.fullmatch(r"\d{1,5}", line.text):
            found.setdefault(f"{int(line.text) - number} pages apart", []).append(number)
        elif re.search(r"\d", line.text) and re.search(r"[^\W\d_]", line.text) and not line.segments:
            found.setdefault(_key(line), []).append(number)
    gone: set[int] = set()
    for key, numbers in found.items():
        if len(numbers) >= _LEAST_PAGES and len(numbers) >= _DENSITY * (numbers[-1] - numbers[0] + 1):
            first_stays = 0 if key.endswith(" pages apart") or _NUMBERED.fullmatch(key) else 1
            gone.update(id(last[number]) for number in numbers[first_stays:])
    for page in pages:
        page.items = [item for item in page.items if id(item) not in gone]


def _margin(page: PageContent) -> list[Line]:
    """The outermost lines, as far as they stand near the edge."""
    if page.height <= 0:
        return []
    lines = sorted(page.lines, key=lambda line: line.top)
    top = [line for line in lines[:_MARGIN_LINES] if line.bottom < page.height * _ZONE]
    bottom = [line for line in lines[-_MARGIN_LINES:] if line.top > page.height * (1 - _ZONE)]
    return [*top, *(line for line in bottom if all(line is not other for other in top))]


def _key(line: Line) -> str:
    return re.sub(r"\d+", "#", " ".join(line.text.casefold().split()))


def _repeated(found: list[tuple[int, float]], pages: int) -> list[float]:
    """-> the heights at which it repeats."""
    heights: list[float] = []
    for _, place in found:
        if _stands(heights, place):
            continue
        there = {index for index, other in found if abs(other - place) <= _SAME_PLACE}
        span = max(there) - min(there) + 1
        least = pages if pages < _LEAST_PAGES else _LEAST_PAGES
        if len(there) >= max(least, 2) and len(there) >= _DENSITY * span:
            heights.append(place)
    return heights


def _stands(heights: list[float], place: float) -> bool:
    return any(abs(place - height) <= _SAME_PLACE for height in heights)


def join_broken_words(pages: list[PageContent]) -> None:
    """A word whose end stands in the next line is written whole in the first; the lines keep their places."""
    known: set[str] | None = None
    for page in pages:
        lines = page.lines
        for line, following in pairwise(lines):
            if not (line.broken or _ends_with_hyphen(line, following)):
                continue
            if known is None:
                known = _vocabulary(pages)
            _join(line, following, known)
        page.items = [item for item in page.items if not isinstance(item, Line) or item.text]


def _ends_with_hyphen(line: Line, following: Line) -> bool:
    return bool(re.search(r"[^\W\d_]-$", line.text)) and following.text[:1].islower() and following.top > line.top


def _vocabulary(pages: list[PageContent]) -> set[str]:
    known: set[str] = set()
    for page in pages:
        for line in page.lines:
            words = _WORD.findall(line.text.lower())
            known.update(words[1:-1] if line.broken else words[1:])
    return known


def _join(line: Line, following: Line, known: set[str]) -> None:
    last, first = _LAST.search(line.text), _FIRST.match(following.text)
    if last is None or first is None:
        line.text += "-" if line.broken and not line.text.endswith("-") else ""
        return
    head, tail = last[1], first[1]
    line.text = line.text[: last.start()] + head + ("-" if _is_compound(head, tail, known) else "") + tail + first[2]
    following.text = following.text[first.end() :]
    if not following.text:  # its only word went up: one line in two places
        line.right, line.bottom = max(line.right, following.right), max(line.bottom, following.bottom)
        line.left = min(line.left, following.left)


def _is_compound(head: str, tail: str, known: set[str]) -> bool:
    whole, hyphened = (head + tail).lower(), f"{head}-{tail}".lower()
    if hyphened in known or not tail[0].islower():
        return whole not in known
    if whole in known:
        return False
    return min(len(head), len(tail)) >= _KNOWN and head.lower() in known and tail.lower() in known
