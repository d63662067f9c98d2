"""Cards and bank accounts."""

from __future__ import annotations

import re

from chatapp.safety import linear
from chatapp.safety.personal.checksums import luhn, mod_97
from chatapp.safety.personal.recogniser import Recogniser, compact, said_by

# ISO 13616-1: the length of the IBAN of each country.
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
    "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
    "YE": 30,
}  # fmt: skip
# ISO/IEC 7812: who issues; the lengths are those in use.
_CARD = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11,13}|35\d{14}"
    r"|(?:2131|1800)\d{11}|6(?:011|4|5)\d{12,15}|6\d{15,18}|(?:5[0678]|6)\d{10,17}|9\d{15}"
)


def _is_card(matched: str) -> bool:
    digits = compact(matched)
    return bool(_CARD.fullmatch(digits)) and luhn(digits) and len(set(digits)) > 1


def _is_iban(matched: str) -> bool:
    text = compact(matched).upper()
    return _IBAN_LENGTHS.get(text[:2]) == len(text) and mod_97(text)


_SAID = said_by(
    *("account (?:number|no\\.?|#)", "acct\\.? (?:no\\.?|#)", "routing (?:number|no\\.?)", "sort code"),
    *("Kontonummer", "Konto-Nr\\.?", "num[ée]ro de compte"),
)
_GROUPS = r"(?:[ \u00a0\-][A-Z0-9]{4}){2,7}(?:[ \u00a0\-][A-Z0-9]{1,4})?"
_IBAN = linear.sign(r"[A-Za-z]{2}\p{Nd}{2}")
RECOGNISERS = (
    Recogniser(
        "card",
        re.compile(r"(?<![\w.,\-])\d(?:[ \-\u2010-\u2015\u00a0]?\d){11,18}(?![\w\-]|[.,]\d)"),
        _is_card,
        within=True,
    ),
    Recogniser(
        "iban", re.compile(r"(?<!\w)[A-Z]{2}\d{2}[A-Z0-9]{11,30}(?!\w)", re.IGNORECASE), _is_iban, sign=_IBAN, digits=2
    ),
    Recogniser(
        "iban", re.compile(rf"(?<!\w)[A-Z]{{2}}\d{{2}}{_GROUPS}(?!\w)", re.IGNORECASE), _is_iban, sign=_IBAN, digits=2
    ),
    Recogniser("bank_account", re.compile(r"(?<![\w.])\d(?:[ \-]?\d){5,16}(?![\w]|[.,]\d)"), words=_SAID),
)
