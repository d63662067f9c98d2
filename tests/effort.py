"""Whether the work grows with the text or with its square, on a machine that others use too."""

from __future__ import annotations

import time
from collections.abc import Callable

_SLACK_S = 0.05  # what takes less than this is no trouble at any growth


def grows_evenly(work: Callable[[str], object], unit: str, characters: int = 48_000) -> bool:
    """Four times the text may take eight times the processor's time; the square would be sixteen."""
    whole = (unit * characters)[:characters]
    short = whole[: characters // 4]
    return _seconds(work, whole) < 8 * _seconds(work, short) + _SLACK_S


def _seconds(work: Callable[[str], object], text: str) -> float:
    taken = []
    for _ in range(3):
        begun = time.process_time()
        work(text)
        taken.append(time.process_time() - begun)
        if taken[-1] > 2:  # far too long already
            break
    return min(taken)
