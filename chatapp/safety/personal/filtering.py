"""Personal data as a filter, and how much of a growing text it has to hold back: in prose nearly nothing."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from chatapp.safety.personal.finding import find_personal
from chatapp.safety.spans import Span

_WINDOW = 120  # characters: the longest number or address that is found while text streams
_SAYS = 12  # characters behind a number in which a word may say what it is
_ACROSS = 32  # characters: what begins there and is nothing may hide a part of itself that looks like something
_LAST_WORD = re.compile(r"\S*\s?\Z")
_FIGURE = re.compile(r"\d")
# What no number has in it: signs, and words that are longer than the groups of letters in an IBAN.
_BREAK = re.compile(r"[\n|\[\];\"=<>{}]|, |\s[^\W\d_]{5,}\s")


@dataclass(frozen=True, slots=True)
class PersonalFilter:
    kinds: Collection[str]

    def find(self, text: str) -> list[Span]:
        return self.find_from(text, 0)

    def find_from(self, text: str, begin: int) -> list[Span]:
        return find_personal(text, self.kinds, max(0, begin - _ACROSS))

    def settled(self, text: str) -> int:
        """Every kind is one word, or begins with a word that has a figure in it or right behind it; none goes on over
        a break."""
        end, least = len(text), max(0, len(text) - _WINDOW - _SAYS)
        last = _LAST_WORD.search(text, least)
        held = last.start() if last else end
        for one in _BREAK.finditer(text, least, max(least, end - _SAYS)):
            least = one.start()
        figure = _FIGURE.search(text, least)
        return held if figure is None else min(held, _word_before(text, figure.start(), least))


def _word_before(text: str, at: int, least: int) -> int:
    """Where the word of this character begins, and the one before it: country codes, brackets and plus signs."""
    for _ in range(2):
        while at > least and not text[at - 1].isspace():
            at -= 1
        while at > least and text[at - 1].isspace():
            at -= 1
    return at
