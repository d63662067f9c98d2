"""A text as its reader sees it, with the way back to the text as it was written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chatapp.safety.hidden.characters import shown_as
from chatapp.safety.spans import Span

_SPACED = re.compile(r"(?<![^\W_])(?:[^\W\d_][ .\-_*|/]{1,2}){3,40}[^\W\d_](?![^\W_])")
_BETWEEN_LETTERS = re.compile(r"[ .\-_*|/]{1,2}")
_BLANKS = re.compile(r"\s{2,}|[^\S \t\n\r\f]")
MOST_BLANKS = 200  # white space in a row that counts as one: an answer is held back for as long as it may go on
_LEET = str.maketrans("4@30!157$", "aaeoiists")


@dataclass(frozen=True, slots=True)
class Plain:
    """`at`: for each character where it stood, and at the end where the text ended; None: everything stands still."""

    text: str
    at: Sequence[int] | None = None

    def origin(self, offset: int) -> int:
        return offset if self.at is None else self.at[offset]

    def span(self, found: Span) -> Span:
        """In the text as it was written: from the first character of what was found to behind its last."""
        return Span(self.origin(found.start), self.origin(found.end - 1) + 1, found.kind)


def plain(text: str) -> Plain:
    """Without what shows nothing; letters that look alike as one. Linear; costs next to nothing for ASCII."""
    if text.isascii():
        return Plain(text)
    parts = [one if one < "\x80" else shown_as(one) for one in text]
    shown = "".join(parts)
    if shown == text:
        return Plain(text)
    at = [offset for offset, part in enumerate(parts) for _ in part]
    return Plain(shown, [*at, len(text)])


def joined(seen: Plain) -> Plain:
    """`s p e l l e d` words as one. The same object where there are none."""
    if _SPACED.search(seen.text) is None:
        return seen
    kept: list[int] = []
    done = 0
    for match in _SPACED.finditer(seen.text):
        kept += range(done, match.start())
        kept += _letters(seen.text, *match.span())
        done = match.end()
    kept += range(done, len(seen.text))
    at = [seen.origin(one) for one in kept]
    return Plain("".join(seen.text[one] for one in kept), [*at, seen.origin(len(seen.text))])


def _letters(text: str, start: int, end: int) -> list[int]:
    """Two blanks stay as one: they stand between words that are both spelled."""
    kept: list[int] = []
    for at in range(start, end):
        if not _BETWEEN_LETTERS.fullmatch(text[at]) or (text[at] == " " and text[at - 1] == " "):
            kept.append(at)
    return kept


def squeezed(seen: Plain) -> Plain:
    """White space in a row as one blank, which is all that a page shows of it. The same object where there is none.
    Linear."""
    kept: list[int] = []
    blanks: set[int] = set()
    done = 0
    for match in _BLANKS.finditer(seen.text):
        if match.end() - match.start() <= MOST_BLANKS:
            kept += range(done, match.start() + 1)
            blanks.add(len(kept) - 1)
            done = match.end()
    if not blanks:
        return seen
    kept += range(done, len(seen.text))
    text = "".join(" " if at in blanks else seen.text[one] for at, one in enumerate(kept))
    return Plain(text, [*(seen.origin(one) for one in kept), seen.origin(len(seen.text))])


def unleeted(seen: Plain) -> Plain:
    """Figures and signs that stand for letters as letters."""
    return Plain(seen.text.translate(_LEET), seen.at)
