"""JSON from outside, for every door: requests, frames, files. What it may not be is refused before it is read."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any, NoReturn

from django.http import HttpRequest

from chatapp.errors import Invalid

MOST_DEPTH, MOST_VALUES = 32, 100_000
DIGITS = 100  # of a number: beyond, computing with it takes longer than reading it


def parse(text: str | bytes) -> Any:
    """Raises ValueError: no JSON, or one that is too deep, too large, or holds a number that is none."""
    try:
        value = json.loads(text, parse_constant=_no_number, parse_float=_float, parse_int=_integer)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    _check(value)
    return value


def read_object(request: HttpRequest) -> dict[str, Any]:
    """Raises Invalid."""
    try:
        body = parse(request.body)
    except ValueError:
        raise Invalid("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise Invalid("The body must be a JSON object.")
    return body


def _check(value: Any) -> None:
    """Level by level: nothing here can be nested too deeply."""
    level, seen = [value], 0
    for _ in range(MOST_DEPTH):
        seen += len(level)
        if seen > MOST_VALUES:
            raise ValueError("too many values")
        inner = [one for one in level if isinstance(one, dict | list)]
        if not inner:
            return
        level = [part for one in inner for part in (one.values() if isinstance(one, dict) else one)]
    raise ValueError("nested too deeply")


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _float(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError("a number is too large")
    return number


def _integer(text: str) -> int:
    if len(text) > DIGITS:
        raise ValueError("a number is too long")
    return int(text)
