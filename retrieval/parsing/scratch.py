"""Where parsers put down parts of a file. The folder of each is locked for as long as its process lives, so that one
that outlived it is told from one in use, also by another container.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

_YOUNG_S = 10.0  # it may not be locked yet
_AT_ONCE = 200


class _Place:
    """Each process names it once, when it starts; else it is the system's."""

    def __init__(self) -> None:
        self.folder: Path | None = None


place = _Place()


@contextmanager
def scratch(folder: Path) -> Iterator[str]:
    """Goes at the end, also when the child that used it was killed."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{os.getpid()}-", dir=folder) as own:
        handle = os.open(own, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)  # children that are forked hold it as well
            yield own
        finally:
            os.close(handle)


def remove_leftovers() -> None:
    """Of processes that were killed, some at a time."""
    if place.folder is None or not place.folder.exists():
        return
    for path in islice(place.folder.iterdir(), _AT_ONCE):
        try:
            if time.time() - path.stat().st_mtime > _YOUNG_S:
                _remove_unused(path)
        except (FileNotFoundError, NotADirectoryError, BlockingIOError):
            continue


def _remove_unused(path: Path) -> None:
    """Raises BlockingIOError where a process lives that uses it."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(path)
    finally:
        os.close(handle)
