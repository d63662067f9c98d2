"""Lines of the report."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from benchmarks.inference.load import Stream, percentile, rate

HEAD = (
    f"  {'':28} {'new':>7} {'against':>8} {'against':>8}   {'first token, s':^20}   {'between pieces, ms':^20}\n"
    f"  {'':28} {'tok/s':>7} {'serial':>8} {'server':>8}   {'mean':>6} {'p50':>6} {'p95':>6}   "
    f"{'p50':>6} {'p95':>6} {'p99':>6}"
)


def line(name: str, rounds: Sequence[list[Stream]], *ratios: float | None) -> str:
    """Of several rounds: the median rate; times of all of them."""
    streams = [stream for one in rounds for stream in one]
    firsts = [stream.first for stream in streams]
    gaps = [gap * 1000 for stream in streams for gap in stream.gaps()]
    against = " ".join(f"{ratio:7.2f}x" if ratio else f"{'':8}" for ratio in ratios)
    mean = sum(firsts) / len(firsts)
    return (
        f"  {name:28} {median(map(rate, rounds)):7.1f} {against}   {mean:6.2f} {percentile(firsts, 50):6.2f} "
        f"{percentile(firsts, 95):6.2f}   {percentile(gaps, 50):6.0f} {percentile(gaps, 95):6.0f} "
        f"{percentile(gaps, 99):6.0f}"
    )


def ratio(mine: Sequence[list[Stream]], other: Sequence[list[Stream]]) -> float:
    """The median of the rounds' own ratios: the machine changes from round to round."""
    return median(rate(a) / rate(b) for a, b in zip(mine, other, strict=True))
