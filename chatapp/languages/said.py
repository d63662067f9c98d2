"""Texts that are English wherever they are made, and translated where a person reads them.

An error's message may be logged, kept with an answer, sent to a program or shown on a page. It is made in English and
stays so; the page that shows it looks it up. A text with values in it is found by its pattern: `Wait %(seconds)s
seconds.` is what `Wait 20 seconds.` was made from. Several sentences are looked up together, then each by itself. What
nobody listed stays English.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from django.utils.translation import get_language, gettext

from chatapp.languages.administration import TEXTS_OF_ADMINISTRATION
from chatapp.languages.texts import TEXTS

_ALL = TEXTS | TEXTS_OF_ADMINISTRATION
_VALUE = re.compile(r"%\((\w+)\)s")
_SENTENCE_END = re.compile(r"(?<=[.!?]) ")
_OF_OURS = {"how", "kind", "problem", "state", "tasks", "what", "whom", "words"}  # values that are texts as well
_LANGUAGES = {"language", "languages"}
LONGEST = 1000  # characters; nothing longer is a sentence of ours


def said(text: object) -> str:
    """-> the text in the language of the page, or as it is where no translation is known"""
    words = str(text)
    if (get_language() or "en") == "en" or len(words) > LONGEST:
        return words
    if (known := _known(words)) is not None:
        return known
    return " ".join(_known(one) or one for one in _SENTENCE_END.split(words))


def _known(words: str) -> str | None:
    if words in _ALL:
        return gettext(words)
    for pattern in _patterns():
        if (found := pattern.values_in(words)) is not None:
            return gettext(pattern.template) % {name: _put_in(name, part) for name, part in found.items()}
    return None


def _put_in(name: str, part: str) -> str:
    """Names that people gave stay as they are, also where one of them reads like a word of ours."""
    if name in _LANGUAGES:  # Django knows their names
        return gettext(" or ").join(map(gettext, part.split(" or ")))
    return (_known(part) if name in _OF_OURS else None) or part


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A text with values. `around`: what stands before, between and behind them, one more than there are names."""

    template: str
    names: tuple[str, ...]
    around: tuple[str, ...]

    def values_in(self, words: str) -> dict[str, str] | None:
        """Each as short as it can be and within one sentence; None: it was not made from this. Looks at each character
        once, whatever it is: names that people gave stand in these texts, and a regular expression would try them all.
        """
        first, *between, last = self.around
        if not words.startswith(first) or not words.endswith(last):
            return None
        at, end, values = len(first), len(words) - len(last), []
        for literal in between:
            found = words.find(literal, at + 1, end)
            if found < 0:
                return None
            values.append((at, found))
            at = found + len(literal)
        values.append((at, end))
        if at >= end or any(". " in words[begins : ends + 1] for begins, ends in values):
            return None
        return {name: words[begins:ends] for name, (begins, ends) in zip(self.names, values, strict=True)}


@cache
def _patterns() -> tuple[_Pattern, ...]:
    """What says more by itself comes first: of two that fit, it is the one that was meant."""
    found = sorted((text for text in _ALL if _VALUE.search(text)), key=lambda text: (-len(_VALUE.sub("", text)), text))
    return tuple(_pattern(text) for text in found)


def _pattern(template: str) -> _Pattern:
    parts = _VALUE.split(template)  # text, name, text, name, … text
    return _Pattern(template, tuple(parts[1::2]), tuple(parts[::2]))
