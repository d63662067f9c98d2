"""How busy and how quick each copy of a service is, as this process sees it."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

_HALF_LIFE_S = 30.0  # what was seen longer ago counts for half
_ERROR_WEIGHT = 4.0  # a copy that always fails looks five times as slow


@dataclass
class _Fading:
    """A mean in which older values count for less."""

    total: float = 0.0
    weight: float = 0.0
    at: float = field(default_factory=time.monotonic)

    def add(self, value: float) -> None:
        self._fade()
        self.total, self.weight = self.total + value, self.weight + 1.0

    def mean(self, otherwise: float) -> float:
        """Nears `otherwise` while nothing new is seen, so that a slow copy gets another chance."""
        self._fade()
        return (self.total + otherwise) / (self.weight + 1.0)

    def _fade(self) -> None:
        now = time.monotonic()
        share = math.exp2((self.at - now) / _HALF_LIFE_S)
        self.total, self.weight, self.at = self.total * share, self.weight * share, now


@dataclass
class Load:
    outstanding: int = 0
    first_token_s: _Fading = field(default_factory=_Fading)
    errors: _Fading = field(default_factory=_Fading)

    def cost(self, typical_s: float) -> float:
        """What one more question may wait: questions before it, their pace, and how often it failed."""
        pace = self.first_token_s.mean(typical_s)
        return (self.outstanding + 1) * pace * (1.0 + _ERROR_WEIGHT * self.errors.mean(0.0))


def least_loaded_first(loads: Sequence[Load]) -> list[int]:
    """Positions of the copies in the order to ask them; equals keep theirs."""
    known = [one.first_token_s.mean(0.0) for one in loads if one.first_token_s.weight > 0.1]
    typical_s = sum(known) / len(known) if known else 1.0
    return sorted(range(len(loads)), key=lambda position: loads[position].cost(typical_s or 1.0))
