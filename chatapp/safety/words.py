"""Administrators' own words and patterns, matched in linear time."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chatapp.safety.linear import PatternRefused, Sign, literally, sign
from chatapp.safety.spans import Span, without_overlaps

MOST_TERMS, LONGEST_TERM, LONGEST_MATCH = 5000, 200, 120
_INSIDE = re.compile(r"\w\w")


@dataclass(frozen=True, slots=True)
class WordFilter:
    """Terms match whole words, whatever their case; patterns are of RE2 and match at most 120 characters."""

    name: str
    _terms: Sign | None
    _patterns: tuple[Sign, ...]
    _longest: int

    def find(self, text: str) -> list[Span]:
        whole = (
            [] if self._terms is None else [span for span in _spans(self._terms, text) if _stands_alone(text, *span)]
        )
        matches = itertools.chain(whole, *(_spans(one, text) for one in self._patterns))
        return without_overlaps(
            Span(start, end, self.name) for start, end in matches if 0 < end - start <= LONGEST_MATCH
        )

    def settled(self, text: str) -> int:
        return max(0, len(text) - self._longest - 1)  # and the character behind it


def require_matched(terms: Sequence[str]) -> None:
    """Of terms that somebody enters; lists that were kept before may hold longer ones, which are never found. Raises
    PatternRefused."""
    for term in (" ".join(term.split()) for term in terms):
        if len(term) > LONGEST_MATCH:
            raise PatternRefused(f"Words of more than {LONGEST_MATCH} characters would never be found: {term[:40]}…")


def word_filter(name: str, terms: Sequence[str], patterns: Sequence[str] = ()) -> WordFilter:
    """Raises PatternRefused."""
    spaced = [" ".join(term.split()) for term in terms]
    cleaned = sorted({form for term in spaced for form in (term, term.casefold())} - {""}, key=len, reverse=True)
    if len(cleaned) + len(patterns) > MOST_TERMS:
        raise PatternRefused(f"At most {MOST_TERMS} words and patterns are possible.")
    for term in (*cleaned, *patterns):
        if len(term) > LONGEST_TERM:
            raise PatternRefused(f"A word or pattern is longer than {LONGEST_TERM} characters: {term[:40]}…")
    longest = (
        LONGEST_MATCH if patterns else min(LONGEST_MATCH, max((len(t) + 2 * t.count(" ") for t in cleaned), default=0))
    )
    joined = _compiled("|".join(map(_as_pattern, cleaned))) if cleaned else None
    return WordFilter(name, joined, tuple(_compiled(one) for one in patterns), longest)


def _as_pattern(term: str) -> str:
    return r"\s{1,3}".join(literally(word) for word in term.split())


def _spans(pattern: Sign, text: str) -> Iterator[tuple[int, int]]:
    return (match.span() for match in pattern.finditer(text))


def _stands_alone(text: str, start: int, end: int) -> bool:
    """RE2 knows word borders between ASCII letters alone."""
    before, behind = text[max(0, start - 1) : start + 1], text[end - 1 : end + 1]
    return not (_INSIDE.fullmatch(before) or _INSIDE.fullmatch(behind))


def _compiled(pattern: str) -> Sign:
    return sign(pattern, any_case=True)
