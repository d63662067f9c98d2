"""What is read of the database once a second at most, by all threads of a process together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from django.db import transaction

READ_AGAIN_S = 1.0
T = TypeVar("T")


class Recent(Generic[T]):
    """Calling it gives what `read` gave a second ago at most."""

    def __init__(self, read: Callable[[], T]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._kept: tuple[float, T] | None = None  # when, by the monotonic clock in seconds, and what
        self._forgotten = 0  # times

    def __call__(self) -> T:
        with self._lock:
            if self._kept and time.monotonic() - self._kept[0] < READ_AGAIN_S:
                return self._kept[1]
            forgotten = self._forgotten
        found = self._read()
        with self._lock:
            if forgotten == self._forgotten:  # else this may be what was there before a change
                self._kept = time.monotonic(), found
        return found

    def changed(self) -> None:
        """Whoever changed it sees it at once. Until they commit, others read what was there before: they read again."""
        self.forget()
        transaction.on_commit(self.forget)

    def forget(self) -> None:
        with self._lock:
            self._kept, self._forgotten = None, self._forgotten + 1
