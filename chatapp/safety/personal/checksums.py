"""Check digits: what tells a number that means something from any other. Each takes digits (and letters) alone."""

from __future__ import annotations

from collections.abc import Sequence

_VERHOEFF_D = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_VERHOEFF_P = (
    "0123456789", "1576283094", "5803796142", "8916043527",
    "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    doubled = ("0", "2", "4", "6", "8", "1", "3", "5", "7", "9")
    return sum(int(doubled[int(one)] if at % 2 else one) for at, one in enumerate(reversed(digits))) % 10 == 0


def mod_97(text: str) -> bool:
    """ISO 7064 MOD 97-10, of IBANs (ISO 13616): the first four characters count last."""
    turned = text[4:] + text[:4]
    return int("".join(str(int(one, 36)) for one in turned)) % 97 == 1


def weighted(digits: str, weights: Sequence[int], modulus: int) -> int:
    return sum(int(one) * weight for one, weight in zip(digits, weights, strict=False)) % modulus


def mod_11_10(digits: str) -> bool:
    """ISO 7064 MOD 11,10, of German tax numbers."""
    product = 10
    for one in digits[:-1]:
        product = (((int(one) + product) % 10 or 10) * 2) % 11
    return (11 - product) % 10 == int(digits[-1])


def verhoeff(digits: str) -> bool:
    """J. Verhoeff, Error detecting decimal codes, 1969."""
    check = 0
    for at, one in enumerate(reversed(digits)):
        check = int(_VERHOEFF_D[check][int(_VERHOEFF_P[at % 8][int(one)])])
    return check == 0


def ean_13(digits: str) -> bool:
    return weighted(digits, (1, 3) * 6 + (1,), 10) == 0
