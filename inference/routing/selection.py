"""The line of engines for one question: who is asked first, who next, and who is passed by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from inference.engine import Generation
from inference.routing.attempt import Choice
from inference.routing.plan import Candidate, Plan, Split


@dataclass(frozen=True, slots=True)
class Place:
    """A candidate in the line; `passed_by` is why it is not asked, '' when it is."""

    candidate: Candidate
    passed_by: str
    split: Split | None = None  # the roll-out in which its answer counts


def line_up(plan: Plan, asked: Generation) -> Iterator[Place]:
    """Tier by tier; within a tier the person's own candidate first, the others behind it."""
    for tier in plan.tiers:
        for candidate in _shared(plan, tier, asked):
            yield from _split(plan.split, candidate, asked)


def choices(plan: Plan, asked: Generation) -> Iterator[tuple[Choice, ...]]:
    """The copies of each candidate that may be asked, in the line's order."""
    for place in line_up(plan, asked):
        if not place.passed_by:
            rollout = place.split.rollout if place.split else None
            yield tuple(Choice(engine, place.candidate.version, rollout) for engine in place.candidate.copies)


def preferred_first(line: Sequence[tuple[Choice, ...]], name: str) -> list[tuple[Choice, ...]]:
    """Those behind it still take over. Who is chosen by hand counts in no comparison of two versions."""
    named = [tuple(replace(one, rollout=None) for one in copies) for copies in line if _is_of(copies, name)]
    return [*named, *(copies for copies in line if not _is_of(copies, name))]


def _is_of(copies: Sequence[Choice], name: str) -> bool:
    return any(one.engine.name == name for one in copies)


def draw(asked: Generation, salt: str) -> float:
    """0 <= number < 1, the same for a person each time; people without a name are drawn anew with each question."""
    digest = hashlib.blake2b(f"{salt}\0{asked.asker or asked.turn_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _shared(plan: Plan, tier: Sequence[Candidate], asked: Generation) -> list[Candidate]:
    """Weighted order without replacement (Efraimidis and Spirakis, 2006): a person's place stays when others come."""

    def key(candidate: Candidate) -> float:
        number: float = draw(asked, f"{plan.name}/{candidate.name}") ** (1.0 / candidate.share)
        return number

    return sorted(tier, key=key, reverse=True) if len(tier) > 1 else list(tier)


def _split(split: Split | None, candidate: Candidate, asked: Generation) -> Iterator[Place]:
    """Whom the new version fails, the current one serves; that answer counts for neither."""
    unmet = candidate.conditions.unmet(asked, candidate.budget_percent)
    if split is None or split.current != candidate.version:
        yield Place(candidate, unmet)
    elif draw(asked, str(split.rollout)) < split.share:
        unmet_by_new = unmet or split.new.conditions.unmet(asked, split.new.budget_percent)
        yield Place(split.new, unmet_by_new, split)
        yield Place(candidate, unmet)
    else:
        yield Place(candidate, unmet, split)
