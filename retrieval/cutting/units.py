"""The smallest pieces that a passage is made of: sentences, lines of code, groups of table rows."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from itertools import accumulate

from retrieval.contracts import Block, Box
from retrieval.cutting.locators import of_rows

Count = Callable[[str], int]
# Ordinary text has 3 to 6 characters a token; but a word of thousands of letters is one unknown token to the embedder,
# and any number of spaces none. So twice that many characters count as a token too.
CHARACTERS_A_TOKEN = 12
# A sentence ends at a mark followed by space and something that can begin one.
# White space is matched from where it begins: tried from each of its characters, a long run takes quadratic time.
_SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+(?=[\"'“‘(\[]?[A-ZÀ-ÞА-Я0-9¿¡])|(?<=[。！？])|(?<!\s)\s*\n\s*")
_LINE = re.compile(r"(?<![ \t])[ \t]*\n(?:[ \t]*\n)*")  # the indentation of the next line is its own
_ENDED = re.compile(r"[.!?…。！？:;][\"'”’)\]]*$")
_REMEMBERED = 64  # texts whose size was asked for last: most are asked for twice in a row
_MARKS = 32  # that many combining marks stay with their letter


class Border(IntEnum):
    """What stands before a unit: the higher, the better a passage may begin with it."""

    NONE = 0  # the line of a sentence that goes on
    SENTENCE = 1
    LINE = 2
    PARAGRAPH = 3
    BLOCK = 4


@dataclass(slots=True)
class Unit:
    """Text that stays together, with where it stands."""

    text: str
    tokens: int
    heading: tuple[str, ...]
    page: int | None
    locator: str
    boxes: tuple[Box, ...] = ()
    border: Border = Border.BLOCK
    joint: str = "\n"  # what joins it to the unit before it
    is_table: bool = False


def bounded(count: Count, size: int) -> Count:
    """Tokens, or what as many characters and the space or line end after them count for, whichever is more."""

    @lru_cache(maxsize=_REMEMBERED)
    def measure(text: str) -> int:
        by_length = len(text) // CHARACTERS_A_TOKEN + 1
        return by_length if by_length > size else max(count(text), by_length)

    return measure


def units(blocks: Iterable[Block], count: Count, size: int) -> Iterator[Unit]:
    """Those of a document, in reading order. Headings stand above what is below them; one without text is text."""
    path: list[tuple[int, str]] = []
    orphan: Block | None = None  # a heading with nothing below it yet: it may be all that is there
    for block in blocks:
        if block.kind == "heading":
            if orphan is not None and block.level <= orphan.level:
                yield from _of_text(orphan, tuple(h for _, h in path[:-1]), count, size)
            path = [entry for entry in path if entry[0] < block.level] + [(block.level, _line(block.text))]
            orphan = block
            continue
        orphan = None
        heading = tuple(text for _, text in path)
        if block.kind == "table" and block.rows:
            yield from _of_table(block, heading, count, size)
        else:
            yield from _of_text(block, heading, count, size)
    if orphan is not None:
        yield from _of_text(orphan, tuple(h for _, h in path[:-1]), count, size)


def _of_text(block: Block, heading: tuple[str, ...], count: Count, size: int) -> Iterator[Unit]:
    boxes = _LineBoxes(block)
    end, border, joint = 0, Border.BLOCK, "\n"
    for whole in _spans(block):
        if end:
            gap = block.text[end : whole[0]]
            border = _border(block, gap, block.text[max(0, end - 4) : end])
            joint = "\n" if "\n" in gap else " "
        for begin, end in _cut(block.text, *whole, count, size):
            text = block.text[begin:end]
            yield Unit(text, count(text), heading, block.page, block.locator, boxes.of(begin, end), border, joint)
            border, joint = Border.NONE, " "


def _spans(block: Block) -> Iterator[tuple[int, int]]:
    """Where the sentences of a text stand, or the lines of code."""
    begin = 0
    pattern = _LINE if block.kind == "code" else _SENTENCE
    for found in pattern.finditer(block.text):
        if block.text[begin : found.start()].strip():
            # closing quotation marks belong to the sentence before them
            end = found.start() + len(found.group().rstrip())
            yield begin, end
        begin = found.end()  # past what is blank, too: it would be looked at again with each line
    if block.text[begin:].strip():
        yield begin, len(block.text)


def _border(block: Block, gap: str, before: str) -> Border:
    lines = gap.count("\n")
    if lines > 1:
        return Border.PARAGRAPH
    if lines and (block.kind in ("list", "code") or _ENDED.search(before)):
        return Border.LINE
    return Border.NONE if lines else Border.SENTENCE


def _cut(text: str, begin: int, end: int, count: Count, size: int) -> Iterator[tuple[int, int]]:
    """Halves at word borders (or anywhere, in text without spaces) until each part fits."""
    if count(text[begin:end]) <= size:
        yield begin, end
        return
    middle = (begin + end) // 2
    space = text.rfind(" ", begin + (end - begin) // 4, middle + 1)
    at = space + 1 if space > 0 else _between_letters(text, begin, middle)
    for first, last in ((begin, at), (at, end)):
        part = text[first:last]
        if part.strip():
            first += len(part) - len(part.lstrip())
            yield from _cut(text, first, first + len(part.strip()), count, size)


def _between_letters(text: str, begin: int, at: int) -> int:
    """At or shortly before `at`, where no combining mark loses its letter."""
    least = max(begin + 1, at - _MARKS)
    return next((place for place in range(at, least, -1) if not unicodedata.combining(text[place])), at)


class _LineBoxes:
    """The boxes of a block's lines by their characters; all of them where they do not match its lines."""

    def __init__(self, block: Block) -> None:
        lengths = [len(line) + 1 for line in block.text.split("\n")] if block.boxes else []
        self._boxes = block.boxes
        self._starts = [0, *accumulate(lengths)][:-1] if len(lengths) == len(block.boxes) else []

    def of(self, begin: int, end: int) -> tuple[Box, ...]:
        if not self._starts:
            return self._boxes
        first = bisect_right(self._starts, begin) - 1
        return self._boxes[first : bisect_right(self._starts, end - 1)]


def _of_table(block: Block, heading: tuple[str, ...], count: Count, size: int) -> Iterator[Unit]:
    """Groups of rows, each with the header above it where there is room for both."""
    lines = [" | ".join(cell for cell in row if cell) for row in block.rows]
    boxes = block.boxes if len(block.boxes) == len(lines) else ()
    head_tokens = count(lines[0]) if len(lines) > 1 and lines[0] else 0
    header = 0 < head_tokens <= size // 2
    room = size - head_tokens if header else size
    rows: list[tuple[str, int]] = []
    tokens = 0

    def made() -> Unit:
        numbers = list(dict.fromkeys(number for _, number in rows))
        marked = tuple(boxes[number] for number in numbers) if boxes else block.boxes
        if header and boxes and boxes[0].page == marked[0].page:
            marked = (boxes[0], *marked)
        text = "\n".join([*lines[: int(header)], *(text for text, _ in rows)])
        size = head_tokens * header + tokens
        place = of_rows(block.locator, len(lines), numbers)
        return Unit(text, size, heading, block.page, place, marked, is_table=True)

    for number, line in enumerate(lines[int(header) :], int(header)):
        for begin, end in _cut(line, 0, len(line), count, room):
            part = count(line[begin:end]) + 1
            if rows and tokens + part > room:
                yield made()
                rows, tokens = [], 0
            rows.append((line[begin:end], number))
            tokens += part
    if rows:
        yield made()


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
