"""Which part of a list is asked for (RFC 7644, 3.4.2.4)."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest

from chatapp.scim.errors import InvalidValue

MOST = 200  # of one answer
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Page:
    start: int  # the first is 1
    count: int

    @property
    def slice(self) -> slice:
        return slice(self.start - 1, self.start - 1 + self.count)


def asked(request: HttpRequest) -> Page:
    """Less than 1 begins at 1, and less than 0 is none; more than the most is the most. Raises InvalidValue."""
    return Page(max(1, _number(request, "startIndex", 1)), min(MOST, max(0, _number(request, "count", MOST))))


def _number(request: HttpRequest, name: str, usual: int) -> int:
    text = request.GET.get(name, str(usual))
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS):
        raise InvalidValue(f"`{name}` must be a whole number.")
    return int(text)
