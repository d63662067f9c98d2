"""A hedged start (Dean and Barroso, "The Tail at Scale", 2013): where the first text is late, another is asked too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from inference.engine import Finish, Piece, TextPiece
from inference.errors import EngineUnavailable, InferenceError
from inference.routing.run import Run


class Race:
    """The first that writes wins and is `winner`; whoever lost is stopped at once."""

    def __init__(
        self,
        first: Run,
        after_s: float,
        another: Callable[[], Awaitable[Run | None]],
        failed: Callable[[Run, InferenceError], None],
    ) -> None:
        self.winner = first
        self._after_s, self._another, self._failed = after_s, another, failed
        self._asked: dict[asyncio.Task[Any], Run] = {}
        self._runs, self._decided = {first}, False
        self._error: InferenceError = EngineUnavailable()

    async def pieces(self) -> AsyncIterator[tuple[Run, Piece]]:
        """Up to the winner's first text. Raises the last InferenceError when all have failed."""
        self._ask(self.winner)
        later: asyncio.Task[Run | None] | None = asyncio.create_task(self._later())
        try:
            while self._asked:
                waiting = {*self._asked, *([later] if later else [])}
                done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if later and later in done:
                    self._begin_second(later.result())
                    later = None
                for run, arrived in self._arrived(done):
                    piece = run.saw(arrived)
                    if isinstance(piece, TextPiece | Finish):
                        self.winner, self._decided = run, True
                        yield run, piece
                        return
                    self._ask(run)
                    yield run, piece
            raise self._error
        finally:
            await self._stop(later)

    def _ask(self, run: Run) -> None:
        self._asked[asyncio.ensure_future(anext(run.pieces))] = run

    async def _later(self) -> Run | None:
        await asyncio.sleep(self._after_s)
        return await self._another()

    def _begin_second(self, second: Run | None) -> None:
        if second is not None:
            self._runs.add(second)
            self._ask(second)

    def _arrived(self, done: set[asyncio.Task[Any]]) -> list[tuple[Run, Piece]]:
        """Failures are booked at once, those of a moment in which another one writes as well."""
        arrived = []
        for task in done & self._asked.keys():
            run = self._asked.pop(task)
            try:
                arrived.append((run, task.result()))
            except InferenceError as error:
                self._error = error
                self._failed(run, error)
        return arrived

    async def _stop(self, later: asyncio.Task[Run | None] | None) -> None:
        """Where nobody has won, the runs are left to whoever began them."""
        tasks: set[asyncio.Task[Any]] = {*self._asked, *([later] if later else [])}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if later is not None and not later.cancelled() and (second := later.result()):
            self._runs.add(second)  # begun in the moment in which another one wrote
        losers = self._runs - {self.winner} if self._decided else set()
        for run in losers:
            run.end("overtaken")
        for run in losers:
            await run.close()
