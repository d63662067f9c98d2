"""How a kind of personal data is recognised: a pattern, then a check of what it matched."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chatapp.safety import linear
from chatapp.safety.spans import Span

_BEFORE, _AFTER = 48, 10  # characters around a number in which a word may say what it is
FEWEST = 4  # digits close together
_HEAD, _TAIL = 24, 48  # characters of a number before and behind its digits, and what decides about it
_RUN = re.compile(r"\d(?:[ .\-/()+\u2010-\u2015\u00a0A-Za-z]{0,3}\d)*")
_SEPARATORS = re.compile(r"[\s./\-\u2010-\u2015\u00a0()]+")


def always(_matched: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Recogniser:
    """Patterns are linear in the text: bounded repetitions of disjoint classes, no nesting.

    `words`: one of them must stand shortly before or right behind, for numbers whose form alone says too little.
    `sign` and `digits` (close together) are what it cannot do without, and are cheap to look for; with fewer digits
    than `FEWEST`, all of a text is searched. `within`: what does not hold may have something in it that does.
    """

    kind: str
    pattern: re.Pattern[str]
    holds: Callable[[str], bool] = always
    words: re.Pattern[str] | None = None
    sign: linear.Sign | None = None
    digits: int = 6
    within: bool = False

    def find(self, text: str, start: int = 0, end: int | None = None) -> Iterator[Span]:
        if self.sign is not None and self.sign.search(text) is None:
            return
        end = len(text) if end is None else end
        while match := self.pattern.search(text, start, end):
            first, last = match.span()
            if self._is_said(text, first, last) and self.holds(match.group()):
                yield Span(first, last, self.kind)
                start = last
            else:
                start = first + 1 if self.within else last

    def _is_said(self, text: str, start: int, end: int) -> bool:
        if self.words is None:
            return True
        before = self.words.search(text, max(0, start - _BEFORE), start)
        return bool(before or self.words.search(text, end, end + _AFTER))


@dataclass(slots=True)
class Figures:
    """A part of a text that numbers stand in, and the most digits that stand close together in it."""

    start: int
    end: int
    digits: int


def figures(text: str, begin: int = 0) -> list[Figures]:
    """In the order of the text, with what belongs to a number beside its digits. A few digits alone are none."""
    parts: list[Figures] = []
    for run in _RUN.finditer(text, begin):
        digits = sum(map(str.isdigit, run.group()))
        if digits < FEWEST:
            continue
        if parts and run.start() - _HEAD <= parts[-1].end:
            parts[-1].end, parts[-1].digits = run.end() + _TAIL, max(parts[-1].digits, digits)
        else:
            parts.append(Figures(max(begin, run.start() - _HEAD), run.end() + _TAIL, digits))
    return parts


def compact(matched: str) -> str:
    """Without what people put between the groups of a number."""
    return _SEPARATORS.sub("", matched)


def said_by(*words: str) -> re.Pattern[str]:
    return re.compile(r"(?<!\w)(?:" + "|".join(words) + r")(?!\w)", re.IGNORECASE)
