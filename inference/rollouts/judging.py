"""Guard rails: is the new version worse than the current one?

A rail breaks when both hold: what was measured is past the limit that the administrator set, and chance alone would
make the new version look so much worse in fewer than 1 of 100 cases (Fisher's exact test for shares, Mann-Whitney's
for times, both one-sided). Neither is asked before the least number of answers; but a version that fails outright is
not waited for: see `_hopeless`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isinf
from typing import Literal

from inference.models import Rollout
from inference.rollouts.chance import larger_by_chance, shares_differ_by_chance
from inference.rollouts.figures import Figures, figures_of

_CHANCE = 0.01
_CHANCE_EARLY = 0.001
_EARLY = 5  # answers before which nothing is judged


@dataclass(frozen=True, slots=True)
class Rail:
    name: str
    current: str
    new: str
    limit: str
    state: Literal["waiting", "holds", "broken"]
    why: str  # what is waited for, or the sentence that a roll-back gives as its reason


@dataclass(frozen=True, slots=True)
class Verdict:
    rails: tuple[Rail, ...]

    @property
    def reason(self) -> str:
        """'' while nothing speaks against the new version."""
        return " ".join(rail.why for rail in self.rails if rail.state == "broken")


def judge(rollout: Rollout) -> Verdict:
    """Looks only; `watch` acts."""
    return compare(rollout, figures_of(rollout, rollout.current_id), figures_of(rollout, rollout.new_id))


def compare(rollout: Rollout, current: Figures, new: Figures) -> Verdict:
    rails: tuple[Callable[[Rollout, Figures, Figures], Rail], ...] = (_failures, _first_token, _speed, _ratings)
    return Verdict(tuple(rail(rollout, current, new) for rail in rails))


def _failures(rollout: Rollout, current: Figures, new: Figures) -> Rail:
    chance = shares_differ_by_chance(new.failures, new.answers, current.failures, current.answers)
    enough = min(current.answers, new.answers) >= rollout.least_answers
    past = new.failing - current.failing > rollout.most_failures_more
    broken = (enough and past and chance < _CHANCE) or _hopeless(current, new, chance)
    shown = tuple(f"{one.failures} of {one.answers} ({one.failing:.0f} %)" for one in (current, new))
    why = (
        f"{rollout.new} failed in {shown[1]} answers, {rollout.current} in {shown[0]}; "
        f"{rollout.most_failures_more} percentage points more are allowed."
    )
    waiting = "" if enough else _waiting(rollout.least_answers, current.answers, new.answers, "answers")
    limit = f"at most {rollout.most_failures_more} points more"
    return _rail("Failed answers", shown, limit, broken, why, waiting)


def _hopeless(current: Figures, new: Figures, chance: float) -> bool:
    """Judged early: the first answers all failed while the current version does answer, or failures are so many more
    that chance makes them in fewer than 1 of 1,000 cases."""
    if new.answers < _EARLY or 2 * new.failures <= new.answers:
        return False
    all_failed = new.failures == new.answers and 2 * current.failures <= current.answers
    return all_failed or chance < _CHANCE_EARLY


def _first_token(rollout: Rollout, current: Figures, new: Figures) -> Rail:
    here, there = current.median_first_token_ms, new.median_first_token_ms
    counts = len(current.first_token_ms), len(new.first_token_ms)
    waiting = _waiting(rollout.least_answers, *counts, "answers that began")
    ratio = rollout.most_first_token_ratio
    broken = (
        not waiting and there > here * ratio and larger_by_chance(new.first_token_ms, current.first_token_ms) < _CHANCE
    )
    shown = _milliseconds(here, counts[0]), _milliseconds(there, counts[1])
    why = (
        f"The median time to the first text of {rollout.new} is {shown[1]}, that of {rollout.current} {shown[0]}; "
        f"{ratio:g} times as long is allowed."
    )
    return _rail("Time to the first text", shown, f"at most {ratio:g} times as long", broken, why, waiting)


def _speed(rollout: Rollout, current: Figures, new: Figures) -> Rail:
    here, there = current.median_tokens_a_second, new.median_tokens_a_second
    counts = len(current.tokens_a_second), len(new.tokens_a_second)
    waiting = _waiting(rollout.least_answers, *counts, "answers with counted tokens")
    ratio = rollout.least_speed_ratio
    slower = larger_by_chance(current.tokens_a_second, new.tokens_a_second)
    broken = not waiting and there < here * ratio and slower < _CHANCE
    shown = _pace(here, counts[0]), _pace(there, counts[1])
    why = (
        f"{rollout.new} writes {shown[1]} (median), {rollout.current} {shown[0]}; "
        f"at least {ratio:g} times that pace is asked for."
    )
    return _rail("Tokens a second", shown, f"at least {ratio:g} times as many", broken, why, waiting)


def _ratings(rollout: Rollout, current: Figures, new: Figures) -> Rail:
    waiting = _waiting(rollout.least_ratings, current.rated, new.rated, "rated answers")
    past = new.disliked - current.disliked > rollout.most_bad_ratings_more
    chance = shares_differ_by_chance(new.bad, new.rated, current.bad, current.rated)
    shown = tuple(f"{one.bad} of {one.rated} ({one.disliked:.0f} %)" for one in (current, new))
    why = (
        f"Of the rated answers of {rollout.new} {shown[1]} were rated bad, of those of {rollout.current} {shown[0]}; "
        f"{rollout.most_bad_ratings_more} percentage points more are allowed."
    )
    limit = f"at most {rollout.most_bad_ratings_more} points more"
    return _rail("Bad ratings", shown, limit, not waiting and past and chance < _CHANCE, why, waiting)


def _rail(name: str, shown: tuple[str, ...], limit: str, broken: bool, why: str, waiting: str) -> Rail:
    if broken:
        return Rail(name, shown[0], shown[1], limit, "broken", why)
    return Rail(name, shown[0], shown[1], limit, "waiting" if waiting else "holds", waiting)


def _waiting(least: int, current: int, new: int, what: str) -> str:
    """'' when there are enough of both."""
    if min(current, new) >= least:
        return ""
    return f"{least} {what} of each are needed: {current} and {new} so far."


def _milliseconds(value: float, count: int) -> str:
    if not count:
        return "–"
    return "later than the next engine's" if isinf(value) else f"{value:,.0f} ms"


def _pace(value: float, count: int) -> str:
    return f"{value:.1f} tokens a second" if count else "–"
