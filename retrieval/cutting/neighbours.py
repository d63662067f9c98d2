"""The passages around a passage."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db import connection

from retrieval.models import Passage

_REPEATED = 12  # characters that are no chance any more
_NEXT_TO = """
SELECT here.id, here.text, near.id, near.text, near.ordinal < here.ordinal
  FROM retrieval_passage here
  JOIN retrieval_passage near
    ON near.document_id = here.document_id AND near.cut = here.cut
   AND near.ordinal IN (here.ordinal - 1, here.ordinal + 1)
 WHERE here.id = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Near:
    """A passage just before or after another one of the same document, with what it alone says."""

    passage: int
    text: str
    before: bool


def neighbours(passage: Passage, around: int) -> tuple[list[Passage], list[Passage]]:
    """-> up to `around` passages before it and after it, of the same cut, in reading order."""
    near = Passage.objects.filter(document=passage.document_id, cut=passage.cut)
    before = near.filter(ordinal__lt=passage.ordinal).order_by("-ordinal")[:around]
    after = near.filter(ordinal__gt=passage.ordinal).order_by("ordinal")[:around]
    return list(before)[::-1], list(after)


def next_to(passages: Collection[int]) -> dict[int, list[Near]]:
    """For many at once, with one query."""
    found: dict[int, list[Near]] = {pk: [] for pk in passages}
    if not found:
        return found
    with connection.cursor() as cursor:
        cursor.execute(_NEXT_TO, [list(found)])
        for pk, text, near, words, is_before in cursor.fetchall():
            own = _without_end(words, text) if is_before else words[_overlap(text, words) :]
            found[pk].append(Near(near, own.strip(), is_before))
    return found


def _without_end(before: str, text: str) -> str:
    return before[: len(before) - _overlap(before, text)]


def _overlap(first: str, second: str) -> int:
    """How many characters at the end of the first are those at the beginning of the second: cutting repeats some."""
    start = second[:_REPEATED]
    at = first.find(start) if len(start) == _REPEATED else -1
    while at >= 0:
        if second.startswith(first[at:]):
            return len(first) - at
        at = first.find(start, at + 1)
    return 0
