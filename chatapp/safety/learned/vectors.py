"""Vectors of texts that are judged, from the index service: short ones of one moment go as one request."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast
from weakref import WeakKeyDictionary

from django.conf import settings

from chatapp.safety.learned.heads import heads
from retrieval.contracts import Vectors
from retrieval.errors import IndexUnavailable
from retrieval.service.client import shared_client

_WAIT_S = 2.0  # before it counts as away
_SHORT = 400  # characters of all texts of one caller: nobody's question waits for somebody's page
_MOST = 32  # callers in one request
_AT_ONCE = 2  # requests with several callers
_Waiting = tuple[Sequence[str], asyncio.Future[Vectors]]


async def vectors_of(texts: Sequence[str]) -> Vectors:
    """Raises IndexUnavailable."""
    try:
        async with asyncio.timeout(_WAIT_S):
            return await (_together(texts) if sum(map(len, texts)) <= _SHORT else _asked_for(texts))
    except TimeoutError:
        raise IndexUnavailable(detail="no vectors in time") from None


class _Line:
    """Who waits in one event loop, and the tasks that ask for them."""

    def __init__(self) -> None:
        self.waiting: list[_Waiting] = []
        self.tasks: set[asyncio.Task[None]] = set()


_lines: WeakKeyDictionary[asyncio.AbstractEventLoop, _Line] = WeakKeyDictionary()


async def _together(texts: Sequence[str]) -> Vectors:
    loop = asyncio.get_running_loop()
    line = _lines.setdefault(loop, _Line())
    future: asyncio.Future[Vectors] = loop.create_future()
    line.waiting.append((texts, future))
    if len(line.tasks) < _AT_ONCE:
        line.tasks.add(loop.create_task(_work(line)))
    return await future


async def _work(line: _Line) -> None:
    task = asyncio.current_task()
    try:
        while line.waiting:
            taken, line.waiting = line.waiting[:_MOST], line.waiting[_MOST:]
            await _answer([one for one in taken if not one[1].done()])
    finally:  # in the same step in which it found nobody waiting: whoever comes next starts another
        line.tasks.discard(cast("asyncio.Task[None]", task))


async def _answer(taken: Sequence[_Waiting]) -> None:
    """Who asks the same shares a vector. The service is given no longer than those who wait for it."""
    wanted = list(dict.fromkeys(text for texts, _ in taken for text in texts))
    if not wanted:
        return
    places = {text: at for at, text in enumerate(wanted)}
    try:
        async with asyncio.timeout(_WAIT_S):
            found = await _asked_for(wanted)
    except (IndexUnavailable, TimeoutError) as error:
        away = error if isinstance(error, IndexUnavailable) else IndexUnavailable(detail="no vectors in time")
        for _, future in taken:
            if not future.done():
                future.set_exception(away)
        return
    for texts, future in taken:
        if not future.done():  # else its caller went away
            future.set_result(found[[places[text] for text in texts]])


async def _asked_for(texts: Sequence[str]) -> Vectors:
    vectors = await shared_client(settings.RETRIEVAL).embed(texts, bulk=False, of_model=heads().model)
    if vectors.shape != (len(texts), heads().dimension):
        raise IndexUnavailable(detail=f"vectors of shape {vectors.shape} for {len(texts)} texts")
    return vectors
