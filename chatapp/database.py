"""Database calls of what must not block: in threads of their own, so that nobody's call waits for another's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from channels.db import database_sync_to_async

_P = ParamSpec("_P")
_T = TypeVar("_T")
# Fewer than the connections of the pool (CHATAPP_DATABASE_POOL): requests need some as well.
_THREADS = ThreadPoolExecutor(max_workers=8, thread_name_prefix="database")


def in_database(function: Callable[_P, _T]) -> Callable[_P, Awaitable[_T]]:
    """The function, run in a thread with a database connection of its own.

    By default, all of a process's sockets would share one thread.
    """
    called: Callable[_P, Awaitable[_T]] = database_sync_to_async(function, thread_sensitive=False, executor=_THREADS)
    return called
