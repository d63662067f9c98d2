"""Patterns that are matched in linear time, whatever the text, and cost next to nothing where they do not match."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import re2

_MEMORY = 32 << 20  # bytes, of all patterns of a policy compiled together


class Match(Protocol):
    def span(self) -> tuple[int, int]: ...

    def start(self) -> int: ...

    def end(self) -> int: ...


class Sign(Protocol):
    def search(self, text: str) -> Match | None: ...

    def finditer(self, text: str) -> Iterator[Match]: ...


class PatternRefused(ValueError):
    """The words say which pattern and why."""


def sign(pattern: str, *, any_case: bool = False) -> Sign:
    """Raises PatternRefused."""
    options = re2.Options()
    options.case_sensitive, options.max_mem, options.log_errors = not any_case, _MEMORY, False
    try:
        found: Sign = re2.compile(pattern, options)
    except re2.error as error:
        raise PatternRefused(f"RE2 does not take this pattern: {pattern[:60]} ({error})") from None
    return found


def literally(text: str) -> str:
    escaped: str = re2.escape(text)
    return escaped
