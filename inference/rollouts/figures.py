"""What became of the answers of one version within a roll-out."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from statistics import median
from uuid import UUID

from inference.models import Outcome, Rollout

_NEWEST = 4000  # answers of each version that are looked at
_LEAST_TOKENS = 8  # the pace of a few words says nothing
OVERTAKEN = "overtaken"  # another engine, asked as well, was faster


@dataclass(frozen=True, slots=True)
class Figures:
    answers: int
    failures: int
    first_token_ms: tuple[float, ...]  # infinite where a faster engine took the answer over
    tokens_a_second: tuple[float, ...]
    rated: int
    bad: int

    @property
    def failing(self) -> float:
        return 100 * self.failures / self.answers if self.answers else 0.0

    @property
    def disliked(self) -> float:
        return 100 * self.bad / self.rated if self.rated else 0.0

    @property
    def median_first_token_ms(self) -> float:
        return median(self.first_token_ms) if self.first_token_ms else 0.0

    @property
    def median_tokens_a_second(self) -> float:
        return median(self.tokens_a_second) if self.tokens_a_second else 0.0


def figures_of(rollout: Rollout, version: UUID) -> Figures:
    """Only answers that count in this roll-out: those of the people and the time for whom one of both was drawn."""
    fields = ("failed", "code", "first_token_ms", "writing_ms", "completion_tokens", "rating")
    rows = list(Outcome.objects.filter(rollout=rollout, version=version).order_by("-pk").values_list(*fields)[:_NEWEST])
    waits, paces = [], []
    for failed, code, first_token_ms, writing_ms, tokens, _ in rows:
        if code == OVERTAKEN:
            waits.append(inf)
        elif not failed and first_token_ms is not None:
            waits.append(float(first_token_ms))
        if not failed and writing_ms and tokens >= _LEAST_TOKENS:
            paces.append(1000.0 * (tokens - 1) / writing_ms)
    ratings = [row[-1] for row in rows if row[-1] is not None]
    failures = sum(row[0] for row in rows)
    return Figures(len(rows), failures, tuple(waits), tuple(paces), len(ratings), sum(one < 0 for one in ratings))
