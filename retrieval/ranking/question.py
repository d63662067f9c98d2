"""What a question asks for, in the words of an index."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

from retrieval.ranking.languages import language_of, stem
from retrieval.ranking.words import COMMON, words

_MOST_TERMS = 64  # a question of a page would otherwise touch every posting list


@dataclass(frozen=True, slots=True)
class Term:
    """A word of the question: its stem in the question's language, and in the one of most passages."""

    stems: tuple[str, ...]
    has_figure: bool


@dataclass(frozen=True, slots=True)
class Question:
    terms: tuple[Term, ...]  # in their order, each once, without the words that every question has
    is_question: bool
    is_latin: bool  # in a script of Europe's west


def understood(text: str, main_language: str) -> Question:
    found = words(text)
    kept = [word for word in found if word not in COMMON] or found
    languages = dict.fromkeys((language_of(text), main_language))
    terms: dict[tuple[str, ...], Term] = {}
    for word in kept:
        stems = tuple(dict.fromkeys(stem(word, language) for language in languages))
        terms.setdefault(stems, Term(stems, any(c.isdigit() for c in word)))
        if len(terms) == _MOST_TERMS:
            break
    latin = all(ord(character) < 0x250 for word in found for character in word)
    return Question(tuple(terms.values()), text.strip().endswith(("?", "？", "؟")), latin)


def number_of(stem: str) -> int:
    """As passages keep their stems: 32 bits tell those of one question apart well enough."""
    return crc32(stem.encode())
