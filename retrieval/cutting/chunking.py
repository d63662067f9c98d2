"""Cuts a document into passages: along its structure, sized by the embedder's own tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from retrieval.contracts import Chunk, ParsedDocument
from retrieval.cutting.boxes import merged
from retrieval.cutting.locators import joined
from retrieval.cutting.units import CHARACTERS_A_TOKEN, Border, Count, Unit, bounded, units

HEADING_CHARACTERS = 1000
_SMALL = 0.35  # of the size: a passage below it takes in its successor under another heading of the same parent
# How full a passage must be to end where something better than the next unit begins. Measured on question sets: fuller
# passages find more of an answer, and the end of a line is worth no shorter one.
_FULL = {Border.BLOCK: 0.8, Border.PARAGRAPH: 0.8, Border.SENTENCE: 0.85}


@dataclass(slots=True)
class _Draft:
    units: list[Unit] = field(default_factory=list)
    tokens: int = 0
    headings: int = 0  # characters of the headings that its text may repeat
    mixed: bool = False  # it has more than one heading, so its text repeats them

    def take(self, unit: Unit) -> None:
        self.mixed = self._mixed_with(unit)
        self.headings += self._repeated(unit)
        self.units.append(unit)
        self.tokens += unit.tokens

    def has_room_for(self, unit: Unit, size: int) -> bool:
        tokens = self.tokens + unit.tokens
        headings = self.headings + self._repeated(unit) if self._mixed_with(unit) else 0
        return tokens <= size and CHARACTERS_A_TOKEN * tokens + headings <= CHARACTERS_A_TOKEN * size

    def _mixed_with(self, unit: Unit) -> bool:
        return self.mixed or bool(self.units and self.units[-1].heading != unit.heading)

    def _repeated(self, unit: Unit) -> int:
        if self.units and self.units[-1].heading == unit.heading:
            return 0
        return sum(len(text) + len(" > ") for text in unit.heading)


def chunk_document(
    document: ParsedDocument, *, count_tokens: Count, max_tokens: int, overlap_tokens: int
) -> list[Chunk]:
    """-> passages of at most `max_tokens` and CHARACTERS_A_TOKEN times as many characters each, in reading order.

    Headings are not passages of their own: they stand above those below them. Rows of a long table are split with the
    header repeated. A passage that begins in the middle of running text starts with up to `overlap_tokens` of the end
    of its predecessor.
    """
    parts = units(document.blocks, bounded(count_tokens, max_tokens), max_tokens)
    return [_chunk(ordinal, draft) for ordinal, draft in enumerate(_packed(parts, max_tokens, overlap_tokens))]


def _packed(parts: Iterable[Unit], size: int, overlap: int) -> list[_Draft]:
    drafts: list[_Draft] = []
    draft = _Draft()
    for unit in parts:
        if draft.units and not _belongs(draft, unit, size):
            drafts.append(draft)
            draft = _Draft()
        elif draft.units and not draft.has_room_for(unit, size):
            at = _best_end(draft.units, unit, size)
            drafts.append(_of(draft.units[:at]))
            draft = _begun(draft.units[:at], [*draft.units[at:], unit], size, overlap)
            continue
        draft.take(unit)
    return [*drafts, draft] if draft.units else drafts


def _belongs(draft: _Draft, unit: Unit, size: int) -> bool:
    """Whether both may stand in one passage, if there is room."""
    last = draft.units[-1]
    if last.page != unit.page and draft.tokens > size * _SMALL:
        return False
    if last.heading == unit.heading:
        return True
    related = last.heading[:1] == unit.heading[:1] or not last.heading or not unit.heading
    return related and draft.tokens < size * _SMALL


def _best_end(held: Sequence[Unit], following: Unit, size: int) -> int:
    """How many of the units a passage keeps: it ends before the best border near its end."""
    best, at = following.border, len(held)
    left, rest = sum(unit.tokens for unit in held), following.tokens
    for place in range(len(held) - 1, 0, -1):
        unit = held[place]
        left, rest = left - unit.tokens, rest + unit.tokens
        if rest > size or left < size * min(_FULL.values()):
            break
        if unit.border > best and left >= size * _FULL.get(unit.border, 1):
            best, at = unit.border, place
    return at


def _begun(before: Sequence[Unit], held: Sequence[Unit], size: int, overlap: int) -> _Draft:
    """A new draft, with the end of the text before it when both belong to the same section."""
    draft = _of(held)
    first = held[0]
    tail: list[Unit] = []
    room = min(overlap, size - draft.tokens)
    for unit in reversed(before):
        if unit.is_table or first.is_table or unit.heading != first.heading or unit.page != first.page:
            break
        if (room := room - unit.tokens) < 0:
            break
        tail.insert(0, unit)
    while tail and tail[0].border is Border.NONE:
        tail.pop(0)
    again = _of([*tail, *held])
    return again if again.has_room_for(_NOTHING, size) else draft


_NOTHING = Unit("", 0, (), None, "")


def _of(held: Iterable[Unit]) -> _Draft:
    draft = _Draft()
    for unit in held:
        draft.take(unit)
    return draft


def _chunk(ordinal: int, draft: _Draft) -> Chunk:
    first = draft.units[0]
    shared = first.heading
    for unit in draft.units[1:]:
        pairs = zip(shared, unit.heading, strict=False)
        shared = tuple(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    parts: list[str] = []
    under = shared
    for unit in draft.units:
        joint = unit.joint
        if unit.heading != under and unit.heading[len(shared) :]:
            parts += ["\n" if parts else "", " > ".join(unit.heading[len(shared) :])]
            joint = "\n"
        under = unit.heading
        parts += [joint if parts else "", unit.text]
    page = next((unit.page for unit in draft.units if unit.page is not None), None)
    heading = " > ".join(shared)[:HEADING_CHARACTERS]
    boxes = merged(box for unit in draft.units for box in unit.boxes)
    return Chunk(ordinal, "".join(parts), heading, page, joined(unit.locator for unit in draft.units), boxes)
