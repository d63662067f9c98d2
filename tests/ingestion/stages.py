"""One document through one stage, as a worker that is alone does it."""

from __future__ import annotations

import time

from retrieval.pipeline import claims
from retrieval.pipeline.embed_stage import OneByOne, embed
from retrieval.pipeline.parse_stage import parse_next
from retrieval.pipeline.stops import stops_once


def parse_one() -> None:
    with stops_once() as stop:
        parse_next(claims.next_to_parse, stop)


def embed_one() -> None:
    """Of a long one as much as it may have in one go."""
    with stops_once() as stop:
        embed(OneByOne(claims.EmbeddingTurns().take), stop, time.monotonic() + 60)
