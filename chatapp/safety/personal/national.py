"""Numbers by which states and health services know people. Where a country's number has check digits, they must be
right; where its form alone says too little, a word before it must say what it is."""

from __future__ import annotations

import re
from collections.abc import Callable

from chatapp.safety import linear
from chatapp.safety.personal.checksums import ean_13, luhn, mod_11_10, verhoeff, weighted
from chatapp.safety.personal.recogniser import Recogniser, always, compact, said_by

_ITALIAN_ODD = dict(
    zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21,
        2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23), strict=True)
)  # fmt: skip


def _us_ssn(matched: str) -> bool:
    """Social Security Administration: no 000, 666 or 00, 0000; what begins with 9 is a taxpayer's number."""
    digits = compact(matched)
    return digits[:3] not in ("000", "666") and digits[3:5] != "00" and digits[5:] != "0000" and len(set(digits)) > 1


def _german_tax(matched: str) -> bool:
    digits = compact(matched)
    most = max(digits[:10].count(one) for one in set(digits[:10]))
    return digits[0] != "0" and most in (2, 3) and mod_11_10(digits)


def _german_insurance(matched: str) -> bool:
    text = compact(matched).upper()
    digits = text[:8] + f"{ord(text[8]) - 64:02}" + text[9:11]
    products = (int(one) * weight for one, weight in zip(digits, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=True))
    return sum(sum(map(int, str(one))) for one in products) % 10 == int(text[11])


def _swiss(matched: str) -> bool:
    return ean_13(compact(matched))


def _austrian(matched: str) -> bool:
    digits = compact(matched)
    return weighted(digits, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6), 11) == int(digits[3])


def _british_health(matched: str) -> bool:
    digits = compact(matched)
    return (11 - weighted(digits[:9], range(10, 1, -1), 11)) % 11 == int(digits[9]) and len(set(digits)) > 1


def _french(matched: str) -> bool:
    text = compact(matched).upper().replace("2A", "19").replace("2B", "18")
    return text.isdigit() and 97 - int(text[:13]) % 97 == int(text[13:])


def _spanish(matched: str) -> bool:
    text = compact(matched).upper()
    number = text[:-1].translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == text[-1]


def _italian(matched: str) -> bool:
    text = matched.upper()
    even = (int(one) if one.isdigit() else ord(one) - 65 for one in text[1:15:2])
    return chr(65 + (sum(_ITALIAN_ODD[one] for one in text[0:15:2]) + sum(even)) % 26) == text[15]


def _dutch(matched: str) -> bool:
    digits = compact(matched)
    return weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1), 11) == 0 and len(set(digits)) > 1


def _polish(matched: str) -> bool:
    return weighted(matched, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1), 10) == 0 and 1 <= int(matched[2:4]) % 20 <= 12


def _swedish(matched: str) -> bool:
    return luhn(compact(matched).replace("+", "")[-10:])


def _finnish(matched: str) -> bool:
    return "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(matched[:6] + matched[7:10]) % 31] == matched[10].upper()


def _brazilian(matched: str) -> bool:
    digits = compact(matched)
    first = weighted(digits[:9], range(10, 1, -1), 11)
    second = weighted(digits[:10], range(11, 1, -1), 11)
    wanted = "".join(str(0 if rest < 2 else 11 - rest) for rest in (first, second))
    return digits[9:] == wanted and len(set(digits)) > 1


def _aadhaar(matched: str) -> bool:
    return verhoeff(compact(matched)) and len(set(compact(matched))) > 1


def _luhn(matched: str) -> bool:
    return luhn(compact(matched))


def _australian_tax(matched: str) -> bool:
    return weighted(compact(matched), (1, 4, 3, 7, 5, 8, 6, 9, 10), 11) == 0


def _national(
    pattern: str, holds: Callable[[str], bool] = always, words: re.Pattern[str] | None = None, digits: int = 6
) -> Recogniser:
    compiled = re.compile(rf"(?<![\w.\-/])(?:{pattern})(?![\w\-]|[.,/]\d)", re.IGNORECASE)
    return Recogniser("national_id", compiled, holds, words, digits=digits)


RECOGNISERS = (
    Recogniser("us_ssn", re.compile(r"(?<![\w.\-])\d{3}([\- ])\d{2}\1\d{4}(?![\w\-])"), _us_ssn),
    Recogniser(
        "us_ssn",
        re.compile(r"(?<![\w.\-])\d{9}(?![\w\-])"),
        _us_ssn,
        said_by("ssn", "social security(?: number| no\\.?)?"),
    ),
    _national(r"\d{2} ?\d{3} ?\d{3} ?\d{3}", _german_tax),
    _national(r"\d{2} ?\d{6} ?[A-Z] ?\d{3}", _german_insurance),
    _national(r"756[. ]?\d{4}[. ]?\d{4}[. ]?\d{2}", _swiss),
    _national(r"\d{4} ?\d{6}", _austrian, said_by("SVNR", "SV-Nummer", "Sozialversicherungsnummer")),
    _national(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]"),
    _national(r"\d{3} ?\d{3} ?\d{4}", _british_health, said_by("NHS(?: number| no\\.?)?")),
    _national(r"[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}", _french),
    _national(r"(?:\d{8}|[XYZ]-?\d{7})-?[A-Z]", _spanish),
    _national(r"[A-Z]{6}\d{2}[A-EHLMPR-T]\d{2}[A-Z]\d{3}[A-Z]", _italian),
    _national(r"\d{9}|\d{4}\.\d{2}\.\d{3}", _dutch, said_by("BSN", "burgerservicenummer", "sofinummer")),
    _national(r"\d{11}", _polish, said_by("PESEL")),
    _national(r"(?:19|20)?\d{6}[\-+]\d{4}", _swedish),
    _national(r"\d{6}[+\-A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]", _finnish),
    _national(r"\d{3}\.\d{3}\.\d{3}-\d{2}", _brazilian),
    _national(r"\d{11}", _brazilian, said_by("CPF")),
    _national(r"[2-9]\d{3} \d{4} \d{4}", _aadhaar),
    _national(r"[2-9]\d{11}", _aadhaar, said_by("Aadhaar", "UIDAI")),
    _national(r"[A-Z]{5}\d{4}[A-Z]", words=said_by("PAN(?: number| card)?"), digits=4),
    _national(r"\d{3}[ \-]?\d{3}[ \-]?\d{3}", _luhn, said_by("SIN", "social insurance(?: number| no\\.?)?")),
    _national(r"\d{3} ?\d{3} ?\d{3}", _australian_tax, said_by("TFN", "tax file number")),
    Recogniser(
        "passport",
        re.compile(r"(?<!\w)[A-Z]{0,2}\d{6,9}[A-Z]?(?!\w)"),
        words=said_by("passport(?: number| no\\.?|)", "Reisepass(?:nummer)?", "Passnummer", "passeport"),
    ),
    Recogniser(
        "driving_licence",
        re.compile(r"(?<!\w)[A-Z]{0,2}\d[A-Z0-9\-]{5,14}(?!\w)"),
        words=said_by(
            "driver'?s? licen[sc]e(?: number| no\\.?)?",
            "driving licen[sc]e(?: number| no\\.?)?",
            "Führerschein(?:nummer)?",
        ),
        sign=linear.sign(r"(?i)licen[sc]e|Führerschein"),
        digits=1,
    ),
)
