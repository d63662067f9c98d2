"""How sure a mean over questions is, and a difference of two: the bootstrap (Efron, 1979), paired for differences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

RESAMPLES = 2000
_SEED = 20


def interval(values: Sequence[float]) -> tuple[float, float]:
    """-> the bounds of 95 % of the mean."""
    ((low, high),) = intervals(np.asarray(values, dtype=np.float64)[:, None])
    return low, high


def intervals(values: Floats) -> list[tuple[float, float]]:
    """The same for each column; rows are questions."""
    low, high = np.percentile(_means(values), [2.5, 97.5], axis=0)
    return [(float(one), float(other)) for one, other in zip(low, high, strict=True)]


def chance_of_no_gain(new: Sequence[float], old: Sequence[float]) -> float:
    """The share of resamples of the same questions in which the new one is not better."""
    difference = np.asarray(new, dtype=np.float64) - np.asarray(old, dtype=np.float64)
    return float(chances_of_no_gain(difference[:, None])[0])


def chances_of_no_gain(differences: Floats) -> Floats:
    """The same for each column of differences, new less old."""
    return np.asarray((_means(differences) <= 0).mean(axis=0), dtype=np.float64)


def _means(values: Floats) -> Floats:
    """Of resamples with the same seed: the same values always have the same bounds."""
    chance = np.random.default_rng(_SEED)
    return np.array([values[chance.integers(len(values), size=len(values))].mean(axis=0) for _ in range(RESAMPLES)])
