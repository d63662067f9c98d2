"""What the web process counts of turns and answers. Labels are few and fixed: no names of people or questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from prometheus_client import Counter, Histogram

CacheResult = Literal["hit", "miss", "fresh", "bypassed", "kept", "not_kept", "failed"]

_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0, 300.0)
_KINDS = ("local", "house", "api", "extractive")  # how the names of engines begin

TURNS = Counter("footnote_turns_total", "Answers on the page, by their fate and who wrote last", ["status", "engine"])
SEARCHED = Histogram("footnote_turn_search_seconds", "From the question to its passages", buckets=_SECONDS)
FIRST_TEXT = Histogram("footnote_turn_first_text_seconds", "From the question to the first text", buckets=_SECONDS)
TOTAL = Histogram("footnote_turn_seconds", "From the question to the end of its answer", buckets=_SECONDS)
FAILOVERS = Counter(
    "footnote_failovers_total", "Another engine took over: before the first text, or within an answer", ["when"]
)
ANSWER_CACHE = Counter(
    "footnote_answer_cache_total",
    "Looked up: hit, miss. Not looked up: fresh (asked again), bypassed (no first question, no passages, no model). "
    "Of new answers: kept, not_kept (too long or empty). Either: failed",
    ["result"],
)
for _when in ("before_text", "within"):
    FAILOVERS.labels(_when)
for _result in CacheResult.__args__:  # type: ignore[attr-defined]
    ANSWER_CACHE.labels(_result)

_STAGES = {"search": SEARCHED, "first_text": FIRST_TEXT, "total": TOTAL}


def turn_ended(status: str, engine: str, timings: Mapping[str, int]) -> None:
    """`timings` in milliseconds by stage."""
    kind = engine.partition(":")[0]
    TURNS.labels(status, kind if kind in _KINDS else "none").inc()
    for stage, histogram in _STAGES.items():
        if stage in timings:
            histogram.observe(timings[stage] / 1000)


def cache(result: CacheResult) -> None:
    ANSWER_CACHE.labels(result).inc()


def failed_over(*, within: bool) -> None:
    """`within`: behind text of another engine."""
    FAILOVERS.labels("within" if within else "before_text").inc()
