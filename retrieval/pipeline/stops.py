"""Being told to end in the middle of a document: it is given back undisturbed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from billiard.process import current_process

_ENDS = (signal.SIGTERM, signal.SIGQUIT)  # the signals that end a worker's process


class WorkerStops(SystemExit):
    """This worker process was told to end while it held a document."""


class Stop:
    """Raises WorkerStops when a signal comes; while `deferred`, it is only remembered.

    A claim that was cut off could not be given back.
    """

    def __init__(self) -> None:
        self._told: int | None = None
        self._waits = False

    def __call__(self, number: int, _: object) -> None:
        for each in _ENDS:
            signal.signal(each, signal.SIG_IGN)
        self._told = number
        self._raise_unless_waiting()

    @contextmanager
    def deferred(self) -> Iterator[None]:
        before, self._waits = self._waits, True
        try:
            yield
        finally:
            self._waits = before
        self._raise_unless_waiting()

    def _raise_unless_waiting(self) -> None:
        if not self._waits and (number := self._told) is not None:
            self._told = None
            raise WorkerStops(128 + number)


@contextmanager
def stops_once() -> Iterator[Stop]:
    """The signals that end a worker's process raise WorkerStops, once, wherever they are not deferred.

    Celery sends one to cancel the task and one to end the pool; its own handler dies of the second.
    """
    stop = Stop()
    if current_process().name == "MainProcess" or threading.current_thread() is not threading.main_thread():
        yield stop  # no child of Celery's pool: the signals are somebody else's
        return
    before = {number: signal.getsignal(number) for number in _ENDS}
    for number in before:
        if callable(before[number]):
            signal.signal(number, stop)
    try:
        yield stop
    finally:
        for number in before:
            if signal.getsignal(number) is stop:
                signal.signal(number, before[number])
