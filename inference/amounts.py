"""Sizes, figures and prices, in the form that every page and command gives them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

PRICED = "per million tokens, in the currency of your contract"
CAUTION = "Speeds hold for a machine that does little else; on a busy one they differ from run to run."
_SMALLER_UNITS = ((1, 0, "bytes"), (1e3, 1, "kB"), (1e6, 1, "MB"))
_BUSY = 0.1  # of the processors


def size(of_bytes: int) -> str:
    """In the largest unit of which it is, rounded, at least one."""
    for unit, digits, name in _SMALLER_UNITS:
        if round(of_bytes / unit, digits) < 1000:
            return f"{of_bytes / unit:.{digits}f} {name}"
    return f"{of_bytes / 1e9:.2f} GB"


def exact_size(of_bytes: int) -> str:
    return f"{size(of_bytes)} ({of_bytes:,} bytes)" if of_bytes >= 1000 else size(of_bytes)


def downloaded(have: int, total: int) -> str:
    """`total` 0: not known."""
    return f"{size(have)} of {size(total)}" if total else size(have)


def perplexity(value: float, digits: int = 2) -> str:
    """Of a model without sense it has any size."""
    return f"{value:.{digits}f}" if value < 1e5 else f"{value:.1e}".replace("e+0", "e").replace("e+", "e")


def prices(prompt: Decimal, completion: Decimal) -> str:
    """'' where nothing is known of them."""
    return f"{plain(prompt)} / {plain(completion)}" if prompt or completion else ""


def plain(price: Decimal) -> str:
    """Without zeros at its end."""
    return f"{price.normalize():f}"


def speed(measured: Mapping[str, Any]) -> str:
    """Of one stream, and whether the machine had other work; '' before it was measured."""
    found = measured.get("decode_tokens_s")
    if not isinstance(found, int | float):
        return ""
    return f"{found:.1f}{' (busy machine)' if _was_busy(measured) else ''}"


def caution(measured: Mapping[str, Any]) -> str:
    """A sentence on what the speeds are worth."""
    if not _was_busy(measured):
        return CAUTION
    others, processors = measured["processors_of_others"], measured["processors"]
    return f"Other work kept {others:.1f} of {processors} processors busy meanwhile: a quiet machine is faster."


def _was_busy(measured: Mapping[str, Any]) -> bool:
    others, processors = measured.get("processors_of_others") or 0, measured.get("processors") or 0
    return bool(processors and others > _BUSY * processors)
