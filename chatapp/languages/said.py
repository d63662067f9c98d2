"""Texts that are English wherever they are made, and translated where a person reads them.

An error's message may be logged, kept with an answer, sent to a program or shown on a page. It is made in English and
stays so; the page that shows it looks it up. A text with values in it is found by its pattern: `Wait %(seconds)s
seconds.` is what `Wait 20 seconds.` was made from. Several sentences are looked up together, then each by itself. What
nobody listed stays English.
"""

from __future__ import annotations

import re
from functools import cache

from django.utils.translation import get_language, gettext

from chatapp.languages.administration import TEXTS_OF_ADMINISTRATION
from chatapp.languages.texts import TEXTS

_ALL = TEXTS | TEXTS_OF_ADMINISTRATION
_VALUE = re.compile(r"%\((\w+)\)s")
_SENTENCE_END = re.compile(r"(?<=[.!?]) ")
_OF_OURS = {"how", "kind", "problem", "state", "tasks", "what", "whom", "words"}  # values that are texts as well
_LANGUAGES = {"language", "languages"}
LONGEST = 2000  # characters; nothing longer is a sentence of ours, and matching it would cost


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
    for pattern, template in _patterns():
        if found := pattern.fullmatch(words):
            return gettext(template) % {name: _put_in(name, part) for name, part in found.groupdict().items()}
    return None


def _put_in(name: str, part: str) -> str:
    """Names that people gave stay as they are, also where one of them reads like a word of ours."""
    if name in _LANGUAGES:  # Django knows their names
        return gettext(" or ").join(map(gettext, part.split(" or ")))
    return (_known(part) if name in _OF_OURS else None) or part


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """What says more by itself comes first: of two that fit, it is the one that was meant."""
    found = sorted((text for text in _ALL if _VALUE.search(text)), key=lambda text: (-len(_VALUE.sub("", text)), text))
    return tuple((re.compile(_expression(text), re.DOTALL), text) for text in found)


def _expression(template: str) -> str:
    parts = _VALUE.split(template)  # text, name, text, name, … text
    return "".join(rf"(?P<{part}>(?:(?!\. ).)+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts))
