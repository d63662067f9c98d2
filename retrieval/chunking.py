"""Cuts a document into passages: along its structure, sized by the embedder's own tokens."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile

from retrieval.contracts import Block, Chunk, ParsedDocument

Count = Callable[[str], int]
# A sentence ends at a mark followed by space and something that can begin one.
_SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+(?=[\"'“‘(\[]?[A-ZÀ-ÞА-Я0-9¿¡])|(?<=[。！？])|\n+")
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


def chunk_document(
    document: ParsedDocument, *, count_tokens: Count, max_tokens: int, overlap_tokens: int
) -> list[Chunk]:
    """-> passages of at most `max_tokens` each, in reading order.

    Headings are not passages of their own: they stand above those below them. Rows of a long table are split with the
    header repeated. A passage that begins in the middle of running text starts with up to `overlap_tokens` of the end
    of its predecessor.
    """
    pieces = list(_pieces(document.blocks, count_tokens, max_tokens))
    drafts = _packed(pieces, max_tokens, overlap_tokens)
    return [_chunk(ordinal, draft) for ordinal, draft in enumerate(drafts)]


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
    at = space + 1 if space > 0 else middle
    yield from _cut(text[:at].strip(), count, size)
    yield from _cut(text[at:].strip(), count, size)


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
        draft.pieces.append(piece)
        draft.tokens += piece.tokens
    return [*drafts, draft] if draft.pieces else drafts


def _fits(draft: _Draft, piece: _Piece, size: int) -> bool:
    last = draft.pieces[-1]
    if draft.tokens + piece.tokens > size or (last.page != piece.page and draft.tokens > size * _SMALL):
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
        guess = max(1, last.tokens * len(sentence) // max(len(last.text), 1))
        if tokens + guess > room:
            break
        tail.insert(0, sentence)
        tokens += guess
    if not tail:
        return _Draft()
    return _Draft([_Piece(" ".join(tail), tokens, last.heading, last.page, last.locator)], tokens)


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
    heading = " > ".join(shared)[:1000]
    return Chunk(ordinal, "\n".join(parts), heading, page, first.locator)


def split_sentences(text: str) -> list[str]:
    return [part.strip() for part in _SENTENCE.split(text) if part and part.strip()]


def _line(text: str) -> str:
    return " ".join(text.split())[:200]
