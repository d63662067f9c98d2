"""A text cut into pieces that are judged each by itself, so that a few words do not drown in many."""

from __future__ import annotations

import re

_END = re.compile(r"(?<=[.!?:;\n])\s+|\n+")
SIZE, OVERLAP, MOST = 700, 150, 64
MOST_SENTENCES = 256


def windows(text: str, size: int = SIZE, overlap: int = OVERLAP, most: int = MOST) -> list[str]:
    """Overlapping, cut at blanks. What is longer than `most` of them is cut coarser, never left out."""
    text = text.strip()
    if len(text) <= size:
        return [text] if text else []
    step = max(size - overlap, -(-len(text) // most))
    return [_whole_words(text, start, start + step + overlap) for start in range(0, max(1, len(text) - overlap), step)]


def _whole_words(text: str, start: int, end: int) -> str:
    if start and (blank := text.find(" ", start, start + 30)) >= 0:
        start = blank + 1
    if end < len(text) and (blank := text.rfind(" ", end - 30, end)) >= 0:
        end = blank
    return text[start:end]


def sentences(text: str, most: int = MOST_SENTENCES) -> list[str]:
    """By themselves: instructions in a document are short and stand among others. Of many, some together."""
    pieces = [one.strip() for one in _END.split(text) if len(one.strip()) > 2]
    together = -(-len(pieces) // most)
    joined = (
        pieces if together <= 1 else [" ".join(pieces[at : at + together]) for at in range(0, len(pieces), together)]
    )
    return [window for piece in joined for window in windows(piece, most=8)]
