"""Whether the passages that a sentence names hold what it says: its figures and names all of them, its words mostly.

It tells what was made up from what was read, cheaply and always in the same way. It does not understand: a sentence
that puts what stands there together wrongly passes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from chatapp.safety.groundedness.claims import Claim, claims
from chatapp.safety.groundedness.language import JOINED, language_of
from inference.engine import Source
from inference.sentences import content_words

COVERED = 0.5  # of the words of a sentence, at least
MOST = 20_000  # characters of an answer that are looked at
_FIGURE = re.compile(r"(?<![\w.,])\d[\d.,\u00a0\u202f' ]*\d(?![\w])|\d+")
_NAME = re.compile(r"[^\W\d_a-z][\w’'\-]*\w(?:\.\w+)*")
_SPELLED = dict(
    zip(
        "zero one two three four five six seven eight nine ten eleven twelve "
        "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf".split(),
        [*range(13), *range(13)],
        strict=True,
    )
)
_LIST_NUMBER = re.compile(r"^\s*(?:\d{1,2}[.)]|[-*•])\s+")


def unsupported(text: str, sources: Sequence[Source], question: str = "") -> list[tuple[int, int]]:
    """Where the sentences stand that their passages do not hold."""
    if not sources:
        return []
    passages = {one.number: _Passage(_words_of(one)) for one in sources}
    asked = _Passage(question)
    return [(one.start, one.end) for one in claims(text[:MOST]) if not _is_held(one, passages, asked)]


class _Passage:
    """What is looked up in a text: words by their stem, figures by their value, letters as they are."""

    def __init__(self, text: str) -> None:
        self.words = frozenset(content_words(text)) if text.strip() else frozenset[str]()
        self.figures = frozenset(_figures(text))
        self.letters = _plain(text)
        self.language = language_of(text)


def _is_held(claim: Claim, passages: Mapping[int, _Passage], asked: _Passage) -> bool:
    """By the passages that it names together; one that names none that exists is held by none."""
    held = [passages[number] for number in claim.cited if number in passages]
    if not claim.cited:
        held = list(passages.values())
    if not held:
        return False
    text = _LIST_NUMBER.sub("", claim.text)
    language = language_of(text)
    if not frozenset[str]().union(asked.figures, *(one.figures for one in held)).issuperset(_figures(text)):
        return False
    if language and not any(one.language in ("", language) for one in held):
        return True  # words of another language can stand in none of them
    letters = [asked.letters, *(one.letters for one in held)]
    if any(not any(name in one for one in letters) for name in _names(text, all_nouns=language == "de")):
        return False
    known = asked.words.union(*(one.words for one in held))
    words = content_words(text)
    return sum(one in known or _is_part(one, language, letters) for one in words) >= COVERED * len(words)


def _is_part(word: str, language: str, letters: Sequence[str]) -> bool:
    """Languages other than English inflect and join words more than the stems know; some write no spaces."""
    if language in JOINED:
        pairs = [word[at : at + 2] for at in range(len(word) - 1)] or [word]
        return 2 * sum(any(pair in one for one in letters) for pair in pairs) >= len(pairs)
    begins = word[: max(5, len(word) * 2 // 3)]
    return language not in ("", "en") and len(word) >= 5 and any(begins in one for one in letters)


def _words_of(source: Source) -> str:
    return "\n".join((source.document, source.heading, source.before, source.text, source.after))


def _figures(text: str) -> Iterable[str]:
    for match in _FIGURE.finditer(text):
        yield _value(match.group())
    for word in re.findall(r"[^\W\d_]+", text.lower()):
        if word in _SPELLED:
            yield str(_SPELLED[word])


@lru_cache(maxsize=10_000)
def _value(figure: str) -> str:
    """The same for 1,500 and 1.500 and 1 500; without zeros that say nothing."""
    digits = re.sub(r"[\u00a0\u202f' ]", "", figure)
    digits = re.sub(r"[.,](?=\d{3}(?!\d))", "", digits)
    digits = digits.replace(",", ".")
    return (digits.rstrip("0").rstrip(".") if "." in digits else digits).lstrip("0") or "0"


def _names(text: str, *, all_nouns: bool) -> Iterable[str]:
    """Words with a capital within a sentence, and those of capitals alone. A first word says nothing by its own; where
    nouns have them, no word does."""
    first = re.search(r"\w", text)
    for match in _NAME.finditer(text):
        word = match.group()
        behind = text[: match.start()].rstrip(" \"'“‘(*_")
        begins = first is None or match.start() <= first.start() or behind.endswith((".", ":", "!", "?", "–", "|"))
        if not (begins or all_nouns) or (word.isupper() and len(word) > 1):
            yield _plain(word)


def _plain(text: str) -> str:
    lowered = re.sub(r"[’']s\b", "", text.casefold())
    return re.sub(r"[\W_]+", "", lowered)
