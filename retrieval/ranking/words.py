"""Words of passages and questions, the same for both: in any script, with accents and quotes as nobody types them."""

from __future__ import annotations

import re
import unicodedata

# Scripts without spaces between words: every two neighbouring characters count as a word.
_UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    r"\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"([{_UNSPACED}]+)|[^\W_{_UNSPACED}]+")
_POSSESSIVE = re.compile(r"['’ʼ]s\b")
_UNSEEN = {"Cc", "Cf"}  # control characters, soft hyphens, zero-width spaces, marks of direction
_LONGEST = 40  # what is longer is no word of a language

# What questions and sentences of English are made of. In other languages the rarity of words says it well enough.
COMMON = frozenset(
    """
    a an and are as at be been but by did do does for from had has have how in into is it its no not of on or so such
    that the their then there these they this those to was were what when where which who whom whose why will with
    would can could should may i my me we our you your he she his her us about
    """.split()
)


def words(text: str) -> list[str]:
    """In their order, in lower case."""
    found: list[str] = []
    for match in _WORD.finditer(_POSSESSIVE.sub("", normalised(text).lower())):
        word = match[0]
        if match[1]:
            found += [word[at : at + 2] for at in range(len(word) - 1)] or [word]
        else:
            found.append(word[:_LONGEST])
    return found


def normalised(text: str) -> str:
    """One form of each character, and none of those that nobody sees."""
    if text.isascii() and text.isprintable():
        return text
    seen = (" " if c in "\n\t\r\v\f" else "" if unicodedata.category(c) in _UNSEEN else c for c in text)
    return unicodedata.normalize("NFKC", "".join(seen))


def without_accents(word: str) -> str:
    if word.isascii():
        return word
    parts = unicodedata.normalize("NFD", word)
    return unicodedata.normalize("NFC", "".join(c for c in parts if not unicodedata.combining(c)))
