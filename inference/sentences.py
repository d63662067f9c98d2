"""Sentences and words of running text, as the extractive engine sees them."""

from __future__ import annotations

import re
from functools import lru_cache

import snowballstemmer

_ABBREVIATION = re.compile(
    r"\b(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|No|vs|etc|e\.g|i\.e|Inc|Ltd|Co|Corp|Jr|Sr|Fig|Vol|approx|ca|bzw|z\.B|Nr|Abs)\.$"
)
_LONGEST_ABBREVIATION = len("approx.")
_END = re.compile(r"([.!?…][\"'”’)\]]*)(\s+)(?=[\"'“‘(\[]?[A-ZÀ-ÞА-Я0-9¿¡])|([。！？])|(\n+)")
_WORD = re.compile(r"\w+", re.UNICODE)
STOP_WORDS = frozenset(
    """
    a an and are as at be been but by did do does for from had has have how in into is it its many much no not
    of on or so such that the their then there these they this those to was were what when where which who
    whom whose why will with would can could should may i my me we our you your he she his her about after
    before during
    """.split()
)
_HEADING_WORDS = 12
_STEMMED_CHARACTERS = 100  # what is longer is no word of a language
_CELLS = " | "  # between the cells of a table's row
_SHORTEST_WRAPPED, _LONGEST_WRAPPED = 35, 160  # characters of a line that a page or column breaks
_AROUND = 400  # characters before and after, in which the lines are compared
_FULL = 0.85
_LINE_ENDED = re.compile(r"[.!?…:;。！？][\"'”’)\]]*$")
_OWN_LINE = re.compile(r"(?:[-–—•*·▪◦#>]|\(?(?:\d{1,3}|[a-zA-Z])[.)])\s")
_BULLET = re.compile(r"[-–—•*·▪◦]\s")


def sentences(text: str) -> list[str]:
    """In their order, without the white space around them. Line breaks end one too, as tables have no dots, but where
    a line of a page goes on in the next one."""
    found, start = [], 0
    for match in _END.finditer(text):
        if match[4] == "\n" and _goes_on(text, match.start(4)):
            continue
        end = match.end(1) if match[1] else match.end(3) if match[3] else match.start(4)
        # Only the end is looked at: a sentence of a thousand abbreviations must not be read a thousand times.
        if match[1] and _ABBREVIATION.search(text, max(start, end - _LONGEST_ABBREVIATION), end):
            continue
        if piece := text[start:end].strip():
            found.append(piece)
        start = match.end()
    if rest := text[start:].strip():
        found.append(rest)
    return found


def _goes_on(text: str, at: int) -> bool:
    """Whether the line that ends there was broken for the width of a page or column."""
    line = text[text.rfind("\n", 0, at) + 1 : at].strip()
    end = text.find("\n", at + 1)
    following = text[at + 1 : end if end >= 0 else len(text)].strip()
    if len(line) < _SHORTEST_WRAPPED or not following or _LINE_ENDED.search(line) or _OWN_LINE.match(following):
        return False
    if "|" in line or "|" in following:
        return False
    return following[0].islower() or _is_full(line, text, at)


def _is_full(line: str, text: str, at: int) -> bool:
    """Whether it is as long as those around it, so that even a capital or a figure after it begins nothing new."""
    around = [one.strip() for one in text[max(0, at - _AROUND) : at + _AROUND].split("\n")]
    widest = max(map(len, around))
    return len(around) > 2 and _FULL * widest <= len(line) and widest <= _LONGEST_WRAPPED


def is_heading(piece: str, after: str) -> bool:
    """A few words without a full stop or a figure name a subject and say nothing about it.

    Longer ones are headings when they are written In Title Case or stand above a whole sentence.
    """
    if re.match(r"#{1,6}\s", piece):
        return True
    length = len(piece.split())
    if length > _HEADING_WORDS or re.search(r"[.!?…:;\d|%€$。]", piece) or _BULLET.match(piece):
        return length < 5 and not re.search(r"[.!?\d|:%€$。]", piece)
    long_words = [word for word in piece.split() if len(word) > 3]
    in_title_case = "," not in piece and all(word[0].isupper() for word in long_words)
    above_sentence = piece[0].isupper() and after[:1].isupper() and after[-1] == "." and len(after.split()) > 4
    return length < 5 or in_title_case or above_sentence


def is_lead_in(above: str, piece: str, after: str) -> bool:
    """It introduces what follows and says nothing without it: a list's first line, a table's header."""
    header = _CELLS in piece and _CELLS in after and _CELLS not in above and not re.search(r"\d", piece)
    return header or piece.endswith(":")


def columns_of(row: str, header: str) -> str:
    """What a table's header calls the cells of this row, in one line; '' where the two are no row and its header."""
    cells = header.count(_CELLS)
    return " ".join(header.split()) if cells and row.count(_CELLS) == cells else ""


def raw_words(text: str) -> list[str]:
    return _WORD.findall(text)


def content_words(text: str) -> list[str]:
    """Stemmed, without those that every sentence has; all of them where nothing else is left."""
    all_words = [w.lower() for w in _WORD.findall(text)]
    kept = [w for w in all_words if w not in STOP_WORDS]
    return [_stem(w) if len(w) <= _STEMMED_CHARACTERS else w for w in kept or all_words]


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    return str(_STEMMER.stemWord(word))


_STEMMER = snowballstemmer.stemmer("english")
