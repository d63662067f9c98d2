"""Database calls of what must not block: in threads of their own, so that nobody's call waits for another's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, ParamSpec, TypeVar, cast
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async
from django.db import InterfaceError, OperationalError

_P = ParamSpec("_P")
_T = TypeVar("_T")
_R = TypeVar("_R")
_Waiting = tuple[_T, asyncio.Future[_R]]
# Fewer than the connections of the pool (CHATAPP_DATABASE_POOL): requests need some as well.
_THREADS = ThreadPoolExecutor(max_workers=8, thread_name_prefix="database")


def in_database(function: Callable[_P, _T]) -> Callable[_P, Awaitable[_T]]:
    """The function, run in a thread with a database connection of its own.

    By default, all of a process's sockets would share one thread.
    """
    called: Callable[_P, Awaitable[_T]] = database_sync_to_async(function, thread_sensitive=False, executor=_THREADS)
    return called


class _Loop(Generic[_T, _R]):
    """Who waits in one event loop, and the tasks that work for them."""

    def __init__(self) -> None:
        self.waiting: list[_Waiting[_T, _R]] = []
        self.tasks: set[asyncio.Task[None]] = set()


class Together(Generic[_T, _R]):
    """Calls that come in the same moment go to the database as one: a hundred cost little more than one.

    The function gets their values and gives each one's result, or the exception that is to be raised there.
    """

    _MOST = 100
    _AT_ONCE = 2  # one that waits for a lock does not hold up all others

    def __init__(self, function: Callable[[Sequence[_T]], Sequence[_R | Exception]]) -> None:
        self._function = in_database(function)
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Loop[_T, _R]] = WeakKeyDictionary()

    async def __call__(self, value: _T) -> _R:
        running = asyncio.get_running_loop()
        loop = self._loops.setdefault(running, _Loop())
        future: asyncio.Future[_R] = running.create_future()
        loop.waiting.append((value, future))
        if len(loop.tasks) < self._AT_ONCE:
            loop.tasks.add(running.create_task(self._work(loop)))
        return await future

    async def _work(self, loop: _Loop[_T, _R]) -> None:
        task = asyncio.current_task()
        try:
            while loop.waiting:
                taken, loop.waiting = loop.waiting[: self._MOST], loop.waiting[self._MOST :]
                await self._call(taken)
        finally:  # in the same step in which it found nobody waiting: whoever comes next starts another
            loop.tasks.discard(cast("asyncio.Task[None]", task))

    async def _call(self, taken: list[_Waiting[_T, _R]]) -> Exception | None:
        """-> why nobody else need try, where the database is away"""
        try:
            results: Sequence[_R | Exception] = await self._function([value for value, _ in taken])
        except (OperationalError, InterfaceError) as error:
            _settle(taken, [error] * len(taken))
            return error
        except Exception as error:  # noqa: BLE001 - each caller gets its own
            if len(taken) > 1:
                return await self._call_each(taken)
            _settle(taken, [error])
        else:
            _settle(taken, results)
        return None

    async def _call_each(self, taken: list[_Waiting[_T, _R]]) -> Exception | None:
        """What is wrong with one of them is not the others' fault."""
        for number, one in enumerate(taken, start=1):
            if away := await self._call([one]):
                _settle(taken[number:], [away] * len(taken[number:]))
                return away
        return None


def _settle(waiting: list[_Waiting[_T, _R]], results: Sequence[_R | Exception]) -> None:
    for (_, future), result in zip(waiting, results, strict=True):
        if future.done():  # its caller went away
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
