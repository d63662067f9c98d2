"""The sentences of an answer that claim something, each with the passages that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from inference.sentences import STOP_WORDS, raw_words, sentences

_MARK = re.compile(r"\[(\d{1,3})\]")
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_HEADING = re.compile(r"\s{0,3}#{1,6}\s")
_FEWEST = 3  # words that say something
# What says that nothing is said.
_NOTHING = re.compile(
    r"\b(?:documents?|sources?|passages?|text|context|information|they|it)\b.{0,60}\b(?:not|no|nothing|n't|silent)\b"
    r"|\b(?:no|not enough|cannot|could not|can't) .{0,40}(?:information|documents?|sources?|passages?|found)\b"
    r"|\b(?:Dokumente?n?|Quellen?|Unterlagen)\b.{0,60}\b(?:nicht|keine?n?|nichts)\b|\bich (?:kann|weiß) .{0,30}nicht\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Claim:
    start: int
    end: int
    text: str  # without marks
    cited: frozenset[int]


def claims(text: str) -> Iterator[Claim]:
    """A sentence without marks of its own rests on what its paragraph names next, or else on all of the answer."""
    everything = frozenset(int(one) for one in _MARK.findall(text))
    for begin, paragraph in _paragraphs(_CODE.sub(lambda found: " " * len(found.group()), text)):
        pieces = list(_placed(paragraph))
        named: frozenset[int] = frozenset()
        found: list[Claim] = []
        for start, end in reversed(pieces):
            piece = paragraph[start:end]
            named = frozenset(int(one) for one in _MARK.findall(piece)) or named
            if _claims(bare := _MARK.sub("", piece)):
                found.append(Claim(begin + start, begin + end, bare, named or everything))
        yield from reversed(found)


def _paragraphs(text: str) -> Iterator[tuple[int, str]]:
    at = 0
    for part in re.split(r"(\n\s*\n)", text):
        if part.strip():
            yield at, part
        at += len(part)


def _placed(paragraph: str) -> Iterator[tuple[int, int]]:
    """Where each sentence stands. Marks behind a full stop belong to the sentence before it."""
    at = 0
    spans: list[list[int]] = []
    for sentence in sentences(paragraph):
        start = paragraph.index(sentence, at)
        at = start + len(sentence)
        leading = re.match(r"(?:\s*\[\d{1,3}\])+", sentence)
        if leading and spans:
            spans[-1][1] = start + leading.end()
            start += leading.end()
            start += len(paragraph[start:at]) - len(paragraph[start:at].lstrip())
        if start < at:
            spans.append([start, at])
    return ((start, end) for start, end in spans)


def _claims(sentence: str) -> bool:
    words = [one for one in raw_words(sentence) if one.lower() not in STOP_WORDS]
    if len(words) < _FEWEST or _HEADING.match(sentence) or not sentence.strip(" \t\n\r\u00a0|:-"):
        return False
    return not (sentence.rstrip(" *_").endswith(("?", ":")) or _NOTHING.search(sentence))
