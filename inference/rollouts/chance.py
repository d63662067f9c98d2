"""How likely a difference is chance alone. Both tests ask one thing: is the new version worse?"""

from __future__ import annotations

from collections.abc import Sequence
from math import erfc, exp, lgamma, sqrt


def shares_differ_by_chance(new: int, of_new: int, current: int, of_current: int) -> float:
    """Fisher's exact test, one-sided: -> how likely `new` or more of all the bad ones fall to the new version."""
    bad, everything = new + current, of_new + of_current
    if not of_new or not of_current:
        return 1.0
    whole = _ways(everything, of_new)
    likely = sum(
        exp(_ways(bad, count) + _ways(everything - bad, of_new - count) - whole)
        for count in range(new, min(bad, of_new) + 1)
        if of_new - count <= everything - bad
    )
    return min(1.0, likely)


def _ways(of: int, chosen: int) -> float:
    """The logarithm of the binomial coefficient."""
    return lgamma(of + 1) - lgamma(chosen + 1) - lgamma(of - chosen + 1)


def larger_by_chance(new: Sequence[float], current: Sequence[float]) -> float:
    """Mann-Whitney's test, one-sided, with ties: -> how likely chance alone makes the new values so large.

    Ranks, not sums: a few answers that took very long move nothing.
    """
    n, m = len(new), len(current)
    if not n or not m:
        return 1.0
    total, tied = _rank_sum(new, current)
    above = total - n * (n + 1) / 2  # pairs in which the new value is the larger one
    spread = n * m / 12 * ((n + m + 1) - tied / max(1, (n + m) * (n + m - 1)))
    if spread <= 0:
        return 1.0
    z = (above - n * m / 2 - 0.5) / sqrt(spread)
    return erfc(z / sqrt(2)) / 2


def _rank_sum(new: Sequence[float], current: Sequence[float]) -> tuple[float, float]:
    """-> the sum of the ranks of `new` among all, and the term that corrects for ties."""
    everything = sorted([(value, True) for value in new] + [(value, False) for value in current])
    total, tied, at = 0.0, 0.0, 0
    while at < len(everything):
        end = at
        while end < len(everything) and everything[end][0] == everything[at][0]:
            end += 1
        alike = end - at
        total += (at + end + 1) / 2 * sum(is_new for _, is_new in everything[at:end])
        tied += alike**3 - alike
        at = end
    return total, tied
