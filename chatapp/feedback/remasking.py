"""What stands masked in a conversation is found in what its person types, also where it is spelled with other
separators: `+491701234567` for `+49 170 1234567`, a name with a no-break space."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_SEPARATORS = frozenset("./()\u2212\u00b7")  # beside white space and every dash
_LONGEST_GAP = 3  # separators between two parts
_APART = "\0"  # a gap that is longer: storable texts hold none
_FEWEST_DIGITS = 6  # a number with as many may be grouped anywhere


@dataclass(frozen=True, slots=True)
class _Plain:
    """A text without separators, and with one form for each letter and digit."""

    text: str
    places: tuple[int, ...]  # where each character stood
    gaps: frozenset[int]  # before these characters stood separators


def masked_again(text: str, known: Mapping[str, str]) -> str:
    """`known`: values by what stands for them; the longest are looked for first."""
    there, taken = _plain(text), list[tuple[int, int, str]]()
    free = bytearray(b"\1") * len(text)
    for name, value in sorted(known.items(), key=lambda one: -len(one[1])):
        for start, end in _found(there, text, value):
            if all(free[start:end]):
                free[start:end] = bytes(end - start)
                taken.append((start, end, name))
    for start, end, name in sorted(taken, reverse=True):
        text = text[:start] + name + text[end:]
    return text


def _plain(text: str) -> _Plain:
    characters, places, gaps, gap = list[str](), list[int](), set[int](), 0
    for place, one in enumerate(text):
        if unicodedata.category(one) == "Cf":  # nobody sees it
            continue
        if _separates(one):
            gap += 1
            continue
        if gap > _LONGEST_GAP:
            characters.append(_APART)
            places.append(place - 1)
        if gap:
            gaps.add(len(characters))
        gap = 0
        form = str(unicodedata.decimal(one)) if one.isdecimal() else unicodedata.normalize("NFKD", one.casefold())
        characters += form
        places += [place] * len(form)
    return _Plain("".join(characters), tuple(places), frozenset(gaps))


def _separates(one: str) -> bool:
    return one.isspace() or one in _SEPARATORS or unicodedata.category(one) == "Pd"


def _found(there: _Plain, text: str, value: str) -> Iterator[tuple[int, int]]:
    """Places in `text`, which do not overlap. Each stands by itself, not within a word."""
    sought = _plain(value)
    length, may_part = len(sought.text), _may_part(sought)
    at = there.text.find(sought.text) if sought.text else -1
    while at >= 0:
        start, end = there.places[at], there.places[at + length - 1] + 1
        whole = at + length == len(there.text) or there.places[at + length] >= end
        alone = not _of_a_word(text[start - 1 : start]) and not _of_a_word(text[end : end + 1])
        right = whole and alone and all(may_part[n] for n in range(1, length) if at + n in there.gaps)
        if right:
            yield _with_edges(text, start, end, value, sought)
        at = there.text.find(sought.text, at + (length if right else 1))


def _may_part(sought: _Plain) -> list[bool]:
    """Before which characters separators may stand: where the value has some, and in long numbers beside digits."""
    digits = [one.isdecimal() for one in sought.text]
    number = sum(digits) >= _FEWEST_DIGITS
    return [n in sought.gaps or (number and (digits[n] or digits[n - 1])) for n in range(len(digits))]


def _of_a_word(one: str) -> bool:
    return bool(one) and (one.isalnum() or one == "_" or unicodedata.combining(one) > 0)


def _with_edges(text: str, start: int, end: int, value: str, sought: _Plain) -> tuple[int, int]:
    """Separators at the ends of the value belong to it where they stand in the text, too."""
    before, behind = value[: sought.places[0]], value[sought.places[-1] + 1 :]
    if before and text[:start].endswith(before):
        start -= len(before)
    if behind and text.startswith(behind, end):
        end += len(behind)
    return start, end
