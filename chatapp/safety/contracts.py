"""What a content filter is, to the chain and to the stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

from chatapp.safety.spans import Span


class Filter(Protocol):
    """Finds spans in a text. Pure: the same text gives the same spans, in any process, at any time."""

    def find(self, text: str) -> Sequence[Span]:
        """In the order of the text, none over another."""
        ...

    def settled(self, text: str) -> int:
        """How many characters at the beginning no continuation of the text can make part of a span, or take out of one
        that is found now. The rest has to wait for what comes."""
        ...


class FindsFrom(Protocol):
    """A filter that need not search again what was searched."""

    def find_from(self, text: str, begin: int) -> Sequence[Span]:
        """Those from `begin` on; what stands before may decide about them."""
        ...


def find_from(filter: Filter, text: str, begin: int) -> Sequence[Span]:
    """The spans of the text, of those before `begin` perhaps not all."""
    if hasattr(filter, "find_from"):  # asked of a Protocol, that would take twenty times as long, at each look
        return cast(FindsFrom, filter).find_from(text, begin)
    return filter.find(text)
