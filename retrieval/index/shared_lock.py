"""A lock that many may read under at once, and one alone may change under."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class SharedLock:
    """Whoever waits to change goes before those who come to read later, so a stream of readers does not keep it out.

    Not for a thread that reads already; a thread that changes may take it once more, to change.
    """

    def __init__(self) -> None:
        self._moved = threading.Condition()
        self._readers = self._waiting = self._depth = 0
        self._owner = 0  # thread that changes

    @contextmanager
    def reading(self) -> Iterator[None]:
        with self._moved:
            self._moved.wait_for(lambda: not self._depth and not self._waiting)
            self._readers += 1
        try:
            yield
        finally:
            with self._moved:
                self._readers -= 1
                self._moved.notify_all()

    @contextmanager
    def changing(self) -> Iterator[None]:
        self._enter()
        try:
            yield
        finally:
            with self._moved:
                self._depth -= 1
                self._moved.notify_all()

    def _enter(self) -> None:
        me = threading.get_ident()
        with self._moved:
            if not self._depth or self._owner != me:
                self._waiting += 1
                try:
                    self._moved.wait_for(lambda: not self._depth and not self._readers)
                finally:
                    self._waiting -= 1
                    self._moved.notify_all()  # were it interrupted, nobody else would call the readers
            self._owner = me
            self._depth += 1
