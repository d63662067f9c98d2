"""Cuts a document into passages: along its structure, sized by the embedder's own tokens."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile

from retrieval.contracts import Block, Chunk, ParsedDocument

Count = Callable[[str], int]
# A sentence ends at a mark followed by space and something that can begin one.
_SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+(?=[\"'“‘(\[]?[A-ZÀ-ÞА-Я0-9¿¡])|(?<=[。！？])|\n+")
# Ordinary text has 3 to 6 characters a token; but a word of thousands of letters is one unknown token to the embedder,
# and any number of spaces none. So twice that many characters count as a token too.
CHARACTERS_A_TOKEN = 12
HEADING_CHARACTERS, LOCATOR_CHARACTERS = 1000, 200
_MARKS = 32  # that many combining marks stay with their letter
_SMALL = 0.35  # of the size: a passage below it takes in its successor under another heading of the same parent


@dataclass(slots=True)
class _Piece:
    """Text that should stay together, with where it stands."""

    text: str
    tokens: int
    heading: tuple[str, ...]
    page: int | None
    locator: str
    is_table: bool = False


@dataclass(slots=True)
class _Draft:
    pieces: list[_Piece] = field(default_factory=list)
    tokens: int = 0
    headings: int = 0  # characters of the headings that its text may repeat
    mixed: bool = False  # it has more than one heading, so its text repeats them

    def take(self, piece: _Piece) -> None:
        self.mixed = self._mixed_with(piece)
        self.headings += self._repeated(piece)
        self.pieces.append(piece)
        self.tokens += piece.tokens

    def has_room_for(self, piece: _Piece, size: int) -> bool:
        tokens = self.tokens + piece.tokens
        headings = self.headings + self._repeated(piece) if self._mixed_with(piece) else 0
        return tokens <= size and CHARACTERS_A_TOKEN * tokens + headings <= CHARACTERS_A_TOKEN * size

    def _mixed_with(self, piece: _Piece) -> bool:
        return self.mixed or bool(self.pieces and self.pieces[-1].heading != piece.heading)

    def _repeated(self, piece: _Piece) -> int:
        if self.pieces and self.pieces[-1].heading == piece.heading:
            return 0
        return sum(len(text) + len(" > ") for text in piece.heading)


def chunk_document(
    document: ParsedDocument, *, count_tokens: Count, max_tokens: int, overlap_tokens: int
) -> list[Chunk]:
    """-> passages of at most `max_tokens` and CHARACTERS_A_TOKEN times as many characters each, in reading order.

    Headings are not passages of their own: they stand above those below them. Rows of a long table are split with the
    header repeated. A passage that begins in the middle of running text starts with up to `overlap_tokens` of the end
    of its predecessor.
    """
    pieces = list(_pieces(document.blocks, _bounded(count_tokens, max_tokens), max_tokens))
    drafts = _packed(pieces, max_tokens, overlap_tokens)
    return [_chunk(ordinal, draft) for ordinal, draft in enumerate(drafts)]


def _bounded(count: Count, size: int) -> Count:
    """Tokens, or what as many characters and the space or line end after them count for, whichever is more."""

    def measure(text: str) -> int:
        by_length = len(text) // CHARACTERS_A_TOKEN + 1
        return by_length if by_length > size else max(count(text), by_length)

    return measure


def _pieces(blocks: Iterable[Block], count: Count, size: int) -> Iterator[_Piece]:
    path: list[tuple[int, str]] = []
    orphan: Block | None = None  # a heading with nothing below it yet: it may be all that is there
    for block in blocks:
        if block.kind == "heading":
            if orphan is not None and block.level <= orphan.level:
                yield from _split_text(orphan, tuple(h for _, h in path[:-1]), count, size)
            path = [entry for entry in path if entry[0] < block.level] + [(block.level, _line(block.text))]
            orphan = block
            continue
        orphan = None
        heading = tuple(text for _, text in path)
        if block.kind == "table" and block.rows:
            yield from _split_table(block, heading, count, size)
        else:
            yield from _split_text(block, heading, count, size)
    if orphan is not None:
        yield from _split_text(orphan, tuple(h for _, h in path[:-1]), count, size)


def _split_text(block: Block, heading: tuple[str, ...], count: Count, size: int) -> Iterator[_Piece]:
    tokens = count(block.text)
    if tokens <= size:
        yield _Piece(block.text, tokens, heading, block.page, block.locator)
        return
    for text, tokens in _packed_parts(split_sentences(block.text), count, size):
        yield _Piece(text, tokens, heading, block.page, block.locator)


def _packed_parts(parts: Iterable[str], count: Count, size: int) -> Iterator[tuple[str, int]]:
    """Joins neighbouring parts as long as they fit; a part that is too long by itself is cut between words."""
    held, held_tokens = "", 0
    for part in (p for whole in parts for p in _cut(whole, count, size)):
        tokens = count(part)
        if held and held_tokens + tokens > size:
            yield held, held_tokens
            held, held_tokens = "", 0
        held, held_tokens = (f"{held} {part}" if held else part), held_tokens + tokens
    if held:
        yield held, held_tokens


def _cut(text: str, count: Count, size: int) -> Iterator[str]:
    """Halves at word borders (or anywhere, in text without spaces) until each part fits."""
    if count(text) <= size:
        yield text
        return
    middle = len(text) // 2
    space = text.rfind(" ", middle // 2, middle + 1)
    at = space + 1 if space > 0 else _between_letters(text, middle)
    for part in (text[:at].strip(), text[at:].strip()):
        if part:
            yield from _cut(part, count, size)


def _between_letters(text: str, at: int) -> int:
    """At or shortly before `at`, where no combining mark loses its letter."""
    least = max(1, at - _MARKS)
    return next((place for place in range(at, least, -1) if not unicodedata.combining(text[place])), at)


def _split_table(block: Block, heading: tuple[str, ...], count: Count, size: int) -> Iterator[_Piece]:
    header, *rows = (" | ".join(cell for cell in row if cell) for row in block.rows)
    if not rows:
        header, rows = "", [header]
    head_tokens = count(header) if header else 0
    if head_tokens > size // 2:
        header, head_tokens, rows = "", 0, [header, *rows]
    room = size - head_tokens
    lines: list[str] = []
    tokens = 0
    for line in (part for row in rows for part in _cut(row, count, room)):
        line_tokens = count(line) + 1
        if lines and tokens + line_tokens > room:
            yield _Piece(_joined(header, lines), head_tokens + tokens, heading, block.page, block.locator, True)
            lines, tokens = [], 0
        lines.append(line)
        tokens += line_tokens
    if lines:
        yield _Piece(_joined(header, lines), head_tokens + tokens, heading, block.page, block.locator, True)


def _joined(header: str, lines: list[str]) -> str:
    return "\n".join([header, *lines] if header else lines)


def _packed(pieces: list[_Piece], size: int, overlap: int) -> list[_Draft]:
    drafts: list[_Draft] = []
    draft = _Draft()
    for piece in pieces:
        if draft.pieces and not _fits(draft, piece, size):
            drafts.append(draft)
            draft = _begun(draft, piece, size, overlap)
        draft.take(piece)
    return [*drafts, draft] if draft.pieces else drafts


def _fits(draft: _Draft, piece: _Piece, size: int) -> bool:
    last = draft.pieces[-1]
    if not draft.has_room_for(piece, size) or (last.page != piece.page and draft.tokens > size * _SMALL):
        return False
    if last.heading == piece.heading:
        return True
    related = last.heading[:1] == piece.heading[:1] or not last.heading or not piece.heading
    return related and draft.tokens < size * _SMALL


def _begun(previous: _Draft, piece: _Piece, size: int, overlap: int) -> _Draft:
    """A new draft, with the end of the text before it when both belong to the same section."""
    last = previous.pieces[-1]
    if last.is_table or piece.is_table or last.heading != piece.heading or last.page != piece.page:
        return _Draft()
    tail: list[str] = []
    tokens = 0
    room = min(overlap, size - piece.tokens)
    for sentence in reversed(split_sentences(last.text)):
        by_length = len(sentence) // CHARACTERS_A_TOKEN + 1
        guess = max(by_length, last.tokens * len(sentence) // max(len(last.text), 1))
        if tokens + guess > room:
            break
        tail.insert(0, sentence)
        tokens += guess
    if not tail:
        return _Draft()
    draft = _Draft()
    draft.take(_Piece(" ".join(tail), tokens, last.heading, last.page, last.locator))
    return draft


def _chunk(ordinal: int, draft: _Draft) -> Chunk:
    first = draft.pieces[0]
    shared = first.heading
    for piece in draft.pieces[1:]:
        pairs = zip(shared, piece.heading, strict=False)
        shared = tuple(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    parts: list[str] = []
    under = shared
    for piece in draft.pieces:
        if piece.heading != under and piece.heading[len(shared) :]:
            parts.append(" > ".join(piece.heading[len(shared) :]))
        under = piece.heading
        parts.append(piece.text)
    page = next((p.page for p in draft.pieces if p.page is not None), None)
    heading = " > ".join(shared)[:HEADING_CHARACTERS]
    return Chunk(ordinal, "\n".join(parts), heading, page, first.locator[:LOCATOR_CHARACTERS])


def split_sentences(text: str) -> list[str]:
    return [part.strip() for part in _SENTENCE.split(text) if part and part.strip()]


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
