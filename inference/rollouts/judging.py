"""Guard rails: is the new version worse than the current one?

Each rail is looked at when both versions have the least number of answers, then at twice as many, four times and so
on, always with the answers up to that moment: looking more often shows the same. It breaks when both hold: what was
measured is past the limit that the administrator set, and chance alone (Fisher's exact test for shares, Mann-Whitney's
for times, both one-sided) makes the new version look so much worse more rarely than the look's part of `_CHANCE`. The
parts (1/2, 1/6, 1/12, ...) add up to 1, and those of the four rails with `_OUTRIGHT` to 1 of 100: so rarely are equal
versions parted. Only ratings come late, and may change what a look has seen. A version that fails outright is not
waited for: see `_fails_outright`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isinf
from operator import itemgetter
from typing import Literal

from inference.models import Rollout
from inference.rollouts.chance import larger_by_chance, shares_differ_by_chance
from inference.rollouts.figures import Figures, Outright, Series, figures_of, middle, outright_of, percent, values_of

_CHANCE = 0.002  # of each rail, spread over its looks
_OUTRIGHT = 0.002
_FIRST, _NEWEST = 5, 15  # failures in a row: of a version that has never answered, and of one that has

Values = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Rail:
    name: str
    current: str
    new: str
    limit: str
    state: Literal["waiting", "holds", "broken"]
    why: str  # when it is looked at next, or the sentence that a roll-back gives as its reason


@dataclass(frozen=True, slots=True)
class Verdict:
    rails: tuple[Rail, ...]

    @property
    def reason(self) -> str:
        """'' while nothing speaks against the new version."""
        return " ".join(rail.why for rail in self.rails if rail.state == "broken")


@dataclass(frozen=True, slots=True)
class _Look:
    number: int
    least: int  # answers of each
    current: Values
    new: Values

    @property
    def chance(self) -> float:
        return _CHANCE / ((self.number + 1) * (self.number + 2))


def judge(rollout: Rollout) -> Verdict:
    """Looks only; `watch` acts."""
    current, new = figures_of(rollout, rollout.current_id), figures_of(rollout, rollout.new_id)
    return compare(rollout, current, new, outright_of(rollout, _NEWEST))


def compare(rollout: Rollout, current: Figures, new: Figures, outright: Outright) -> Verdict:
    rails = (
        _failures(rollout, current.failed, new.failed, outright),
        _first_token(rollout, current.first_token_ms, new.first_token_ms),
        _speed(rollout, current.tokens_a_second, new.tokens_a_second),
        _ratings(rollout, current.bad, new.bad),
    )
    return Verdict(rails)


def _looks(least: int, current: Series, new: Series) -> Iterator[_Look]:
    """At `least`, twice as many, ...: each with what there was when both had so many."""
    number, count = 0, least
    while min(len(current), len(new)) >= count:
        moment = max(current[count - 1][0], new[count - 1][0])
        yield _Look(number, count, _until(current, moment), _until(new, moment))
        number, count = number + 1, 2 * count


def _until(series: Series, moment: int) -> Values:
    return values_of(series[: bisect_right(series, moment, key=itemgetter(0))])


def _rail(
    name: str,
    limit: str,
    shown: Callable[[Values], str],
    looks: list[_Look],
    worse: Callable[[_Look], bool],
    why: Callable[[str, str], str],
    everything: tuple[Series, Series],
    needed: str,
) -> Rail:
    """The first look that finds it worse decides, and every later call finds the same."""
    current, new = (shown(values_of(series)) for series in everything)
    for look in looks:
        if worse(look):
            return Rail(name, current, new, limit, "broken", why(shown(look.current), shown(look.new)))
    if looks:
        least = looks[-1].least
        return Rail(name, current, new, limit, "holds", f"Compared at {least} of each; next at {2 * least}.")
    counts = " and ".join(str(len(series)) for series in everything)
    return Rail(name, current, new, limit, "waiting", f"{needed} of each are needed: {counts} so far.")


def _failures(rollout: Rollout, current: Series, new: Series, outright: Outright) -> Rail:
    most = rollout.most_failures_more

    def worse(look: _Look) -> bool:
        return _more_often(look, most)

    def why(here: str, there: str) -> str:
        return (
            f"{rollout.new} failed in {there} answers, {rollout.current} in {here}; {most} percentage points more are "
            "allowed."
        )

    looks = list(_looks(rollout.least_answers, current, new))
    name, limit, needed = "Failed answers", f"at most {most} points more", f"{rollout.least_answers} answers"
    rail = _rail(name, limit, _share, looks, worse, why, (current, new), needed)
    if rail.state == "broken" or not _fails_outright(outright):
        return rail
    answered = outright.current_answered
    reason = (
        f"The {'first' if outright.always else 'newest'} {outright.in_a_row} answers of {rollout.new} "
        f"all failed; {rollout.current} wrote {answered} of {answered + outright.current_failed} in that time."
    )
    return Rail(rail.name, rail.current, rail.new, rail.limit, "broken", reason)


def _fails_outright(seen: Outright) -> bool:
    """At once: all of its answers failed, or the newest ones one after the other, and the current version did answer
    meanwhile. Chance alone would not part two that fail alike."""
    if seen.in_a_row < (_FIRST if seen.always else _NEWEST):
        return False
    everything = seen.current_answered + seen.current_failed
    return shares_differ_by_chance(seen.in_a_row, seen.in_a_row, seen.current_failed, everything) < _OUTRIGHT


def _first_token(rollout: Rollout, current: Series, new: Series) -> Rail:
    ratio = rollout.most_first_token_ratio

    def worse(look: _Look) -> bool:
        past = middle(look.new) > middle(look.current) * ratio
        return past and larger_by_chance(look.new, look.current) < look.chance

    def why(here: str, there: str) -> str:
        return (
            f"The median time to the first text of {rollout.new} is {there}, that of {rollout.current} {here}; "
            f"{ratio:g} times as long is allowed."
        )

    looks, needed = list(_looks(rollout.least_answers, current, new)), f"{rollout.least_answers} answers that began"
    limit = f"at most {ratio:g} times as long"
    return _rail("Time to the first text", limit, _milliseconds, looks, worse, why, (current, new), needed)


def _speed(rollout: Rollout, current: Series, new: Series) -> Rail:
    ratio = rollout.least_speed_ratio

    def worse(look: _Look) -> bool:
        past = middle(look.new) < middle(look.current) * ratio
        return past and larger_by_chance(look.current, look.new) < look.chance

    def why(here: str, there: str) -> str:
        return (
            f"{rollout.new} writes {there} (median), {rollout.current} {here}; "
            f"at least {ratio:g} times that pace is asked for."
        )

    looks, needed = (
        list(_looks(rollout.least_answers, current, new)),
        f"{rollout.least_answers} answers with counted tokens",
    )
    limit = f"at least {ratio:g} times as many"
    return _rail("Tokens a second", limit, _pace, looks, worse, why, (current, new), needed)


def _ratings(rollout: Rollout, current: Series, new: Series) -> Rail:
    most = rollout.most_bad_ratings_more

    def worse(look: _Look) -> bool:
        return _more_often(look, most)

    def why(here: str, there: str) -> str:
        return (
            f"Of the rated answers of {rollout.new} {there} were rated bad, of those of {rollout.current} {here}; "
            f"{most} percentage points more are allowed."
        )

    looks, needed = list(_looks(rollout.least_ratings, current, new)), f"{rollout.least_ratings} rated answers"
    limit = f"at most {most} points more"
    return _rail("Bad ratings", limit, _share, looks, worse, why, (current, new), needed)


def _more_often(look: _Look, most_more: int) -> bool:
    if percent(look.new) - percent(look.current) <= most_more:
        return False
    bad = (round(sum(look.new)), len(look.new), round(sum(look.current)), len(look.current))
    return shares_differ_by_chance(*bad) < look.chance


def _share(values: Values) -> str:
    share = f"{percent(values):.0f} %"
    return f"{round(sum(values))} of {len(values)} ({share})"


def _milliseconds(values: Values) -> str:
    if not values:
        return "–"
    return "longer than anybody waited" if isinf(middle(values)) else f"{middle(values):,.0f} ms"


def _pace(values: Values) -> str:
    return f"{middle(values):.1f} tokens a second" if values else "–"
