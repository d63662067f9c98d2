"""A sign of life from a parser whose work takes long by nature. The zygote says who listens."""

from __future__ import annotations

from collections.abc import Callable


def _nobody() -> None:
    pass


_listener: Callable[[], object] = _nobody


def listen(listener: Callable[[], object]) -> None:
    global _listener
    _listener = listener


def beat() -> None:
    _listener()
