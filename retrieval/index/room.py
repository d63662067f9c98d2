"""Whether a version fits into the memory of this machine, before anything of it is loaded."""

from __future__ import annotations

import psycopg

from retrieval.index.live import LiveIndex
from retrieval.index.vectors.errors import IndexTooLarge
from retrieval.index.vectors.machine import memory_free
from retrieval.index.vectors.served import ServedIndex

WORDS = 2600  # bytes for the words of a passage: measured with passages of 160 words; 2,100 with those of 40
_SMALL = 20_000  # passages that need not be counted byte by byte

_OF_A_VERSION = "SELECT sum(passages) FROM versions_indexeddocument WHERE version_id = %s AND error = ''"
_BEFORE_THE_FIRST = "SELECT count(*) FROM retrieval_passagevector WHERE model = %s"
_BOUNDED = "-c statement_timeout=60000"


def check_room(dsn: str, version: int | None, index: LiveIndex) -> None:
    """`index` is empty yet, or has mapped files. Raises IndexTooLarge."""
    count = _passages(dsn, version, index.model)
    if count <= _SMALL:
        return
    words = WORDS * count
    vectors = index.vectors.memory(count) if isinstance(index.vectors, ServedIndex) else 0
    free = memory_free()
    if words + vectors > free:
        raise IndexTooLarge(
            f"{count:,} passages take {(words + vectors) / 1e9:.1f} GB of memory; {free / 1e9:.1f} GB are free.",
            advice=f"Give the index service more: words take {words / 1e9:.1f} GB of it whatever the index kind.",
        )


def _passages(dsn: str, version: int | None, model: str) -> int:
    with psycopg.connect(dsn, connect_timeout=5, options=_BOUNDED) as connection:
        if version is None:
            row = connection.execute(_BEFORE_THE_FIRST, [model]).fetchone()
        else:
            row = connection.execute(_OF_A_VERSION, [version]).fetchone()
    return int(row[0] or 0) if row else 0
