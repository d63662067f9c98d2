"""Telephone numbers: those written for the whole world (E.164), and those in the forms of a country."""

from __future__ import annotations

import re
from collections.abc import Callable

from chatapp.safety.personal.recogniser import Recogniser, compact, said_by

_DAY, _MONTH = "(?:0?[1-9]|[12]\\d|3[01])", "(?:0?[1-9]|1[0-2])"
_DATE = re.compile(rf"(?:19|20)\d{{2}}[\-/. ]{_MONTH}[\-/. ]{_DAY}|{_DAY}[\-/. ]{_MONTH}[\-/. ](?:19|20)?\d{{2}}")
_SAID = said_by(
    *("tel(?:ephone|efon|éfono|éphone|\\.)?", "phones?(?: number| no\\.?)?", "fon", "fax", "mobile?", "mobil", "handy"),
    *("cell(?:phone)?", "call(?:ed|ing)?", "dial", "ring", "text", "sms", "whatsapp", "reach(?:ed)?", "contact"),
    *("number is", "office", "anrufen", "erreichbar"),
)


def _digits(least: int, most: int) -> Callable[[str], bool]:
    def holds(matched: str) -> bool:
        digits = compact(matched).lstrip("+")
        return least <= len(digits) <= most and len(set(digits)) > 2 and not _DATE.fullmatch(matched.strip())

    return holds


def _phone(pattern: str, least: int, most: int, words: re.Pattern[str] | None = None) -> Recogniser:
    return Recogniser(
        "phone", re.compile(rf"(?<![\w.,/:\-+(#$€£]){pattern}(?![\w%€£]|[\-.,:/]\d)"), _digits(least, most), words
    )


_GAP = r"[ .\-/\u00a0]"
_EXTENSION = r"(?:[ .]?(?:x|ext\.?) ?\d{1,6})?"
RECOGNISERS = (
    _phone(rf"(?:\+|00){_GAP}?[1-9]\d{{0,3}}(?:{_GAP}?\(\d{{1,5}}\))?(?:{_GAP}{{0,2}}\d){{4,14}}{_EXTENSION}", 7, 22),
    # North America: 3-3-4, with or without the 1 before and an extension behind.
    _phone(
        rf"(?:1{_GAP})?(?:\([2-9]\d{{2}}\){_GAP}?|[2-9]\d{{2}}{_GAP})[2-9]\d{{2}}[ .\-]\d{{4}}{_EXTENSION}",
        10,
        17,
    ),
    _phone(rf"001{_GAP}\d{{3}}{_GAP}\d{{3}}{_GAP}\d{{4}}{_EXTENSION}", 12, 20),
    # Europe and elsewhere: a trunk 0, then groups.
    _phone(rf"\(?0\d{{1,5}}\)?(?:{_GAP}\d{{2,8}}){{1,5}}", 8, 13),
    _phone(r"0[1-9]\d{7,10}", 9, 12, _SAID),
    _phone(r"\(\d{2,5}\) ?\d{2,4}(?:[ \-]\d{2,4}){0,2}", 7, 12),
    _phone(r"\d{3} \d{3} \d{3}", 9, 9),
    # Any groups, where a word says what they are.
    _phone(r"\d{2,4}(?:[ \-]\d{2,4}){1,4}|\d{6,12}", 6, 12, _SAID),
)
