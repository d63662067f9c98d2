"""Which questions belong together: what is learned from one of them must not be measured with another.

Questions with the same id, as translations have, and questions that a document has in common are one group; all
questions of a group are in the same fold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from benchmarks.retrieval_sets.sets import asked

FOLDS = 5


@lru_cache(maxsize=2)
def folds(data: Path) -> dict[str, int]:
    """-> the fold of each question by its id; every set takes part, whichever of them are measured"""
    above: dict[str, str] = {}
    for name, questions in asked(data).items():
        for question in questions:
            _join(above, [f"question {question.id}", *(f"{name} {one}" for one in sorted(question.gold))])
    return {name.removeprefix("question "): _fold(_top(above, name)) for name in above if name.startswith("question ")}


def _join(above: dict[str, str], members: Iterable[str]) -> None:
    """The smallest name stands for all of them, so that the order of reading decides nothing."""
    tops = sorted({_top(above, member) for member in members})
    above.update(dict.fromkeys(tops, tops[0]))


def _top(above: dict[str, str], member: str) -> str:
    while above.setdefault(member, member) != member:
        member = above[member]
    return member


def _fold(group: str) -> int:
    return hashlib.sha256(group.encode()).digest()[0] % FOLDS
