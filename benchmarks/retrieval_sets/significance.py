"""How sure a mean over questions is, and a difference of two: the bootstrap (Efron, 1979), paired for differences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_RESAMPLES = 2000
_SEED = 20


def interval(values: Sequence[float]) -> tuple[float, float]:
    """-> the bounds of 95 %."""
    means = _means(np.asarray(values))
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def chance_of_no_gain(new: Sequence[float], old: Sequence[float]) -> float:
    """The share of resamples of the same questions in which the new one is not better."""
    return float((_means(np.asarray(new) - np.asarray(old)) <= 0).mean())


def _means(values: np.ndarray) -> np.ndarray:
    chance = np.random.default_rng(_SEED)
    return np.array([values[chance.integers(len(values), size=len(values))].mean() for _ in range(_RESAMPLES)])
