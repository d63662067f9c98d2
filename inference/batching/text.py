"""From tokens to text that may be shown: whole characters only, and nothing of a stop string."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class TextOut:
    """The text of one stream."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stops = StopStrings(stops)

    @property
    def stopped(self) -> bool:
        return self._stops.hit

    def push(self, piece: bytes) -> str:
        """-> what can be shown now."""
        return self._stops.push(self._decoder.decode(piece))

    def rest(self) -> str:
        return self._stops.push(self._decoder.decode(b"", final=True)) + self._stops.rest()


class StopStrings:
    """Holds back text that may become a stop string, and ends before one."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [s for s in stops if s]
        self._held = ""
        self.hit = False

    def push(self, text: str) -> str:
        """-> what can be shown now."""
        if self.hit:
            return ""
        self._held += text
        found = [at for s in self._stops if (at := self._held.find(s)) >= 0]
        if found:
            self.hit = True
            shown, self._held = self._held[: min(found)], ""
            return shown
        keep = max((n for s in self._stops for n in range(1, len(s)) if self._held.endswith(s[:n])), default=0)
        cut = len(self._held) - keep
        shown, self._held = self._held[:cut], self._held[cut:]
        return shown

    def rest(self) -> str:
        rest, self._held = self._held, ""
        return "" if self.hit else rest
