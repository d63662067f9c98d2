"""How fast a download is, and when it will be done: over its last seconds, for lines slow down and recover."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from inference import amounts

_OVER_S = 10.0
_LEAST_S = 1.0  # before that a rate is chance
_EVERY_S = 0.25
_BROKE_OFF_S = 5.0


class Pace:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque(maxlen=round(_OVER_S / _EVERY_S))  # (when, bytes so far)

    def told(self, have: int, total: int) -> str:
        """'' until enough was seen. `total` 0: not known."""
        now = self._clock()
        if self._seen and (have < self._seen[-1][1] or now - self._seen[-1][0] > _BROKE_OFF_S):
            self._seen.clear()  # it began anew
        if not self._seen or now - self._seen[-1][0] >= _EVERY_S:
            self._seen.append((now, have))
        since, before = self._seen[0]
        if now - since < _LEAST_S or have <= before:
            return ""
        rate = (have - before) / (now - since)
        left = f", {_duration((total - have) / rate)} left" if total > have else ""
        return f"{amounts.size(round(rate))}/s{left}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes / 60:.1f} h"
