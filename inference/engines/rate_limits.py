"""What endpoints say of when they may be asked again. Headers are believed as far as they make sense."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

_LONGEST_S = 3600.0  # then it is asked all the same, and says so again
_NONSENSE_S = 7 * 86_400.0  # a limit further away is a value in another unit, or none
_CHARACTERS = 64
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_SPAN = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ms|s|m|h|d))+")
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h|d)")
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{0,9})?")
_REMAINING = re.compile(
    r"(?:x-ratelimit-remaining-(?P<openai>requests|tokens)|"
    r"anthropic-ratelimit-(?P<anthropic>requests|tokens|input-tokens|output-tokens)-remaining)"
)


class RateLimits:
    """Of one endpoint, as its answers tell them."""

    def __init__(self) -> None:
        self._until = 0.0  # of time.monotonic()

    def heed(self, headers: httpx.Headers) -> None:
        """Where something is used up, nobody is to ask before it is there again."""
        resets = [reset for reset in _resets(headers) if reset is not None]
        if resets:
            self._until = max(self._until, time.monotonic() + min(max(resets), _LONGEST_S))

    def wait_s(self) -> float:
        return max(self._until - time.monotonic(), 0.0)


def retry_after(headers: httpx.Headers) -> float | None:
    """Seconds; None where nothing is said that makes sense."""
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None and milliseconds <= _NONSENSE_S * 1000:
        return max(milliseconds / 1000, 0.0)
    said = headers.get("retry-after", "")
    return _sensible(_number(said) if _number(said) is not None else _until_http_date(said, headers))


def _resets(headers: httpx.Headers) -> Iterator[float | None]:
    for name in headers:
        if (found := _REMAINING.fullmatch(name)) is None or _number(headers[name]) != 0:
            continue
        if kind := found["openai"]:
            yield _sensible(_span(headers.get(f"x-ratelimit-reset-{kind}", "")))
        else:
            said = headers.get(f"anthropic-ratelimit-{found['anthropic']}-reset", "")
            yield _sensible(_until_rfc_3339(said, headers))


def _sensible(seconds: float | None) -> float | None:
    return None if seconds is None or seconds > _NONSENSE_S else max(seconds, 0.0)


def _number(said: str) -> float | None:
    return float(said) if _NUMBER.fullmatch(said.strip()) else None


def _span(said: str) -> float | None:
    """ "6m0s", "20ms", "1.5s"; without a unit, as Azure writes it, seconds."""
    said = said.strip()
    if (plain := _number(said)) is not None:
        return plain
    if len(said) > _CHARACTERS or not _SPAN.fullmatch(said):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(said))


def _until_rfc_3339(said: str, headers: httpx.Headers) -> float | None:
    try:
        then = datetime.fromisoformat(said.strip()[:_CHARACTERS])
    except ValueError:
        return None
    return (_aware(then) - _now(headers)).total_seconds()


def _until_http_date(said: str, headers: httpx.Headers) -> float | None:
    then = _http_date(said)
    return None if then is None else (then - _now(headers)).total_seconds()


def _now(headers: httpx.Headers) -> datetime:
    """By the endpoint's clock, where it tells: ours may be wrong."""
    return _http_date(headers.get("date", "")) or datetime.now(UTC)


def _http_date(said: str) -> datetime | None:
    if len(said) > _CHARACTERS:
        return None
    try:
        return _aware(parsedate_to_datetime(said))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
