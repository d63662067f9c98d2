"""What stands around the best passages: a model is shown a little of it, for a passage may begin in the middle.

Whoever may read a passage may read its neighbours, which are of the same document.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError

from chatapp.conversations.generation import source_of
from chatapp.database import Together
from inference.engine import Source
from inference.prompts import estimate_tokens
from inference.sentences import sentences
from retrieval.cutting.neighbours import Near, next_to

log = structlog.get_logger(__name__)

BEST = 2  # passages that are shown with what stands around them


def _next_to_all(asked: Sequence[tuple[int, ...]]) -> list[dict[int, list[Near]]]:
    found = next_to({pk for passages in asked for pk in passages})
    return [{pk: found[pk] for pk in passages} for passages in asked]


_next_to = Together[tuple[int, ...], dict[int, list[Near]]](_next_to_all)


async def sources_of(frames: Sequence[dict[str, Any]]) -> list[Source]:
    """The best ones with whole sentences from just before and after, where those are no sources themselves."""
    sources = [source_of(frame) for frame in frames]
    most = settings.NEIGHBOUR_TOKENS
    best = tuple(frame["passage"] for frame in frames[:BEST])
    if not best or not most:
        return sources
    try:
        found = await _next_to(best)
    except DatabaseError as error:
        log.warning("surroundings.not_read", error=" ".join(str(error).split())[:200])
        return sources
    shown = {frame["passage"] for frame in frames}
    for place, pk in enumerate(best):
        near = [one for one in found[pk] if one.passage not in shown]
        sources[place] = _with(sources[place], near, most)
        shown |= {one.passage for one in near}
    return sources


def _with(source: Source, near: Iterable[Near], most: int) -> Source:
    for one in near:
        said = sentences(one.text)
        if one.before:
            source = replace(source, before="\n".join(_fitting(said[::-1], most)[::-1]))
        else:
            source = replace(source, after="\n".join(_fitting(said, most)))
    return source


def _fitting(said: Iterable[str], most: int) -> list[str]:
    """The first sentences that fit."""
    kept: list[str] = []
    for sentence in said:
        most -= estimate_tokens(sentence) + 1
        if most < 0:
            break
        kept.append(sentence)
    return kept
