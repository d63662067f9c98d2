"""What else the machine did while something was measured."""

from __future__ import annotations

import os
import time
from pathlib import Path

_STAT = Path("/proc/stat")
_IDLE, _WAITING, _GUEST = 3, 4, 8  # places in its first line; from the last one on, guests are counted in others
_LEAST_S = 0.2  # the kernel counts in hundredths of a second


class OtherWork:
    """Begins to count when it is made."""

    def __init__(self) -> None:
        self._begun, self._busy, self._own = time.monotonic(), _busy_s(), _own_s()

    def processors(self) -> float | None:
        """That other processes kept busy since then, on average. None where the kernel does not tell."""
        took, busy = time.monotonic() - self._begun, _busy_s()
        if self._busy is None or busy is None or took < _LEAST_S:
            return None
        all_s, own_s = busy - self._busy, _own_s() - self._own
        if all_s < own_s / 2:  # a sandbox that shows nothing of the machine
            return None
        return round(max(all_s - own_s, 0.0) / took, 2)


def _busy_s() -> float | None:
    try:
        ticks = [int(one) for one in _STAT.read_text().split("\n", 1)[0].split()[1:][:_GUEST]]
    except (OSError, ValueError):
        return None
    if len(ticks) <= _WAITING:
        return None
    return (sum(ticks) - ticks[_IDLE] - ticks[_WAITING]) / os.sysconf("SC_CLK_TCK")


def _own_s() -> float:
    """Of all threads."""
    spent = os.times()
    return spent.user + spent.system
