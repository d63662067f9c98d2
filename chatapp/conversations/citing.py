"""The marks of an answer and the passages behind them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from inference.engine import Source
from inference.sentences import content_words, sentences

_MARK = re.compile(r"\[(\d{1,3})\]")
_OPEN = re.compile(r"\[\d{0,3}$")  # what may still become a mark
_MOST_MARKS = 50  # of an answer: each that is read costs a look through its passage, and pages hold many answers


class MarkFilter:
    """Drops marks of sources that do not exist, while the text streams: they are never shown."""

    def __init__(self, numbers: frozenset[int]) -> None:
        self._numbers = numbers
        self._held = ""

    @property
    def held(self) -> int:
        return len(self._held)

    def push(self, text: str) -> str:
        text = self._held + text
        found = _OPEN.search(text)
        self._held = text[found.start() :] if found else ""
        return self._checked(text[: found.start()] if found else text)

    def rest(self) -> str:
        rest, self._held = self._held, ""
        return self._checked(rest)

    def _checked(self, text: str) -> str:
        return _MARK.sub(lambda m: m[0] if int(m[1]) in self._numbers else "", text)


@dataclass(frozen=True, slots=True)
class Cited:
    source: Source
    quote: str


def cite(text: str, sources: Sequence[Source]) -> list[Cited]:
    """The sources that the text names, in the order of its marks, each with its best supporting sentence."""
    by_number = {source.number: source for source in sources}
    cited: dict[int, Cited] = {}
    for number, claim in _claims(text):
        source = by_number.get(number)
        if source is not None and source.number not in cited:
            cited[source.number] = Cited(source, supporting_sentence(claim, _passage_of(claim, source)))
    return list(cited.values())


def later_quotes(text: str, passages: Mapping[int, str]) -> dict[int, list[str]]:
    """By source, the sentences of it that marks behind its first one rest on, of which `cite` tells. None for a mark
    that quotes what is not in the passage: it stood around it, and is not kept."""
    seen: set[int] = set()
    found: dict[int, list[str]] = {}
    for number, claim in islice(_claims(text), _MOST_MARKS):
        passage = passages.get(number)
        if passage and number in seen and _held(_quoted(claim), passage):
            found.setdefault(number, []).append(supporting_sentence(claim, passage))
        seen.add(number)
    return {number: list(dict.fromkeys(quotes)) for number, quotes in found.items()}


def _claims(text: str) -> Iterator[tuple[int, str]]:
    """Of each mark its number, and what stands before it."""
    start, claim = 0, ""
    for match in _MARK.finditer(text):
        before = text[start : match.start()]
        claim = before if before.strip() else claim  # [1][3] share a claim
        start = match.end()
        yield int(match[1]), claim


def _held(quoted: str, passage: str) -> bool:
    """Also where nothing is quoted."""
    return " ".join(quoted.split()) in " ".join(passage.split())


def _passage_of(claim: str, source: Source) -> str:
    """The passage; what stands around it only where that, and not the passage, holds the words that are quoted."""
    quoted = " ".join(_quoted(claim).split())
    texts = [source.text, source.before, source.after]
    return next((text for text in texts if quoted and _held(quoted, text)), source.text)


def supporting_sentence(claim: str, passage: str) -> str:
    """The claim itself where it is a quotation, else the passage's sentence that shares most words with it."""
    quoted = " ".join(_quoted(claim).split())
    if quoted and _held(quoted, passage):
        return quoted
    last = (sentences(claim) or [claim])[-1]
    wanted = set(content_words(last))
    candidates = sentences(passage) or [passage]

    def overlap(sentence: str) -> float:
        own = set(content_words(sentence))
        return len(wanted & own) / (len(own) + 5) ** 0.5

    return " ".join(max(candidates, key=overlap).split())[:600]


def _quoted(claim: str) -> str:
    """What stands in quotation marks at the end, three characters at least, else nothing."""
    claim = claim.rstrip()
    if not claim.endswith(("”", '"')):
        return ""
    last = len(claim) - 1
    before = max(claim.rfind("”", 0, last), claim.rfind('"', 0, last))
    opened = before if before >= 0 and claim[before] == '"' else claim.find("“", before + 1, last)
    inner = claim[opened + 1 : last] if opened >= 0 else ""
    return inner if len(inner) >= 3 else ""
