"""What stands in a text and is not meant for its reader's eyes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from chatapp.safety.hidden.characters import shows_nothing
from chatapp.safety.spans import Span, without_overlaps

KIND = "hidden_text"
_LONGEST = 2000  # characters of a comment
_COMMENT = re.compile(rf"<!--(?s:.{{0,{_LONGEST}}}?)-->")
_RUN = re.compile(r"[^\x00-\xac\xae-\u02ff]+")
# Joiners belong to emoji and to several scripts, soft hyphens and marks of direction to ordinary text: one is nothing.
_USUAL = frozenset("\u200c\u200d\u00ad\u200e\u200f\ufe0e\ufe0f\u2060\ufeff\u200b")
_FEW = 2


@dataclass(frozen=True, slots=True)
class HiddenTextFilter:
    """Comments of HTML, characters that show nothing where they are many, and any that carry letters unseen."""

    def find(self, text: str) -> list[Span]:
        comments = (Span(*match.span(), KIND) for match in _COMMENT.finditer(text)) if "<!--" in text else ()
        unseen = () if text.isascii() else _unseen(text)
        return without_overlaps([*comments, *unseen])

    def settled(self, text: str) -> int:
        """A comment that is open may go on; so may a run of what is not seen."""
        closed = max((match.end() for match in _COMMENT.finditer(text)), default=0) if "<!--" in text else len(text)
        begun = text.find("<!--", max(closed, len(text) - _LONGEST - 7))
        if begun >= 0:
            return begun
        at = len(text)
        while at and len(text) - at < _LONGEST and (text[at - 1] in "<!-" or _unshown(text[at - 1])):
            at -= 1
        return at


def _unseen(text: str) -> Iterator[Span]:
    for match in _RUN.finditer(text):
        begin = at = match.start()
        while at < match.end():
            if not _unshown(text[at]):
                at += 1
                begin = at
                continue
            while at < match.end() and _unshown(text[at]):
                at += 1
            if not _is_usual(text[begin:at]):
                yield Span(begin, at, KIND)
            begin = at


def _unshown(character: str) -> bool:
    return character > "\x7f" and shows_nothing(character)


def _is_usual(run: str) -> bool:
    return len(run) <= _FEW and all(one in _USUAL for one in run)
