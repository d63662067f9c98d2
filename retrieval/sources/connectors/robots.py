"""The only module that imports protego: what robots.txt allows (RFC 9309)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from protego import Protego

from retrieval.sources.errors import SourceUnreachable
from retrieval.sources.guarded_http import Answer

AGENT = "Footnote"
_BYTES = 500_000  # RFC 9309: at least that much is read
_LONGEST_PAUSE_S = 60.0
_HOSTS = 1000

Get = Callable[[str, Mapping[str, str], int], Answer]


class Robots:
    """Of the hosts of one run, each asked once."""

    def __init__(self, get: Get) -> None:
        self._get = get
        self._of: dict[str, Protego | None] = {}  # None: it did not answer, so nothing is allowed

    def allows(self, url: str) -> bool:
        """Raises SourceUnreachable where the host does not say: nothing may be read then, and nothing vanished."""
        place = _place(url)
        if place not in self._of:
            if len(self._of) >= _HOSTS:
                raise SourceUnreachable("The pages lie on too many hosts.", advice="Narrow `within`.")
            self._of[place] = self._read(place)
        rules = self._of[place]
        if rules is None:
            raise SourceUnreachable(f"The robots.txt of {place} cannot be read.")
        return rules.can_fetch(url, AGENT)

    def delay(self, url: str) -> float:
        """Seconds between two requests that the host asks for, as far as it was asked."""
        rules = self._of.get(_place(url))
        return min(float((rules and rules.crawl_delay(AGENT)) or 0.0), _LONGEST_PAUSE_S)

    def _read(self, place: str) -> Protego | None:
        self._of[place] = None  # while it is asked for, its own pause is the default
        try:
            answer = self._get(f"{place}/robots.txt", {}, _BYTES)
        except SourceUnreachable:
            return None
        if answer.status >= 500:
            return None
        return Protego.parse(answer.body.decode("utf-8", "replace") if answer.status == 200 else "")


def _place(url: str) -> str:
    return f"{urlsplit(url).scheme}://{urlsplit(url).netloc}"
