"""How many processes of one worker may be at the long work of one stage, so that none takes the places of the others.

All queues are taken by one pool. Whoever starts long work takes a seat of its stage first and ends at once where none
is free: so at least one process is always there for what must not wait. A seat is a lock on a byte of a file that the
pool's parent opened: the system frees it when its holder dies, in whatever way.
"""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Literal

from django.conf import settings

Stage = Literal["parse", "embed", "build", "sources"]
_STAGES: tuple[Stage, ...] = ("parse", "embed", "build", "sources")
_MOST = 1000  # seats of a stage
_file: IO[bytes] | None = None


def seats_of(stage: Stage) -> int:
    """WORKER_PROCESSES are shared by parsing and embedding; of the others one is enough.

    Parsing has one more, for small files alone (`retrieval.tasks`): text recognition may take minutes.
    """
    parsing = max(1, settings.WORKER_PROCESSES - settings.WORKER_PROCESSES // 2)
    seats = {"parse": parsing + 1, "embed": max(1, settings.WORKER_PROCESSES // 2)}
    return min(seats.get(stage, 1), _MOST)


def processes_needed() -> int:
    """Of the pool: one for each seat, and one for upkeep."""
    return sum(map(seats_of, _STAGES)) + 1


def prepare() -> None:
    """Called in the parent before it forks its pool. Without it (commands, tests) every seat is free."""
    global _file
    _file = tempfile.TemporaryFile()  # noqa: SIM115 - open for as long as the pool lives


@contextmanager
def seat(stage: Stage) -> Iterator[int]:
    """-> its number, from 1 on, or 0 when none was free; it is held while the body runs."""
    if _file is None:
        yield 1
        return
    first = _STAGES.index(stage) * _MOST
    for place in range(first, first + seats_of(stage)):
        try:
            fcntl.lockf(_file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except OSError:
            continue
        try:
            yield place - first + 1
        finally:
            fcntl.lockf(_file, fcntl.LOCK_UN, 1, place)
        return
    yield 0
