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
        self._error: InferenceError = EngineUnavailable()

    async def pieces(self) -> AsyncIterator[tuple[Run, Piece]]:
        """Up to the winner's first text. Raises the last InferenceError when all have failed."""
        self._ask(self.winner)
        later: asyncio.Task[Run | None] = asyncio.create_task(self._later())
        pending: set[asyncio.Task[Any]] = {later}
        try:
            while self._asked:
                done, _ = await asyncio.wait({*self._asked, *pending}, return_when=asyncio.FIRST_COMPLETED)
                if later in done & pending:
                    pending.clear()
                    if second := later.result():
                        self._ask(second)
                for task in done & self._asked.keys():
                    run, piece = self._asked.pop(task), None
                    try:
                        piece = task.result()
                    except InferenceError as error:
                        self._error = error
                        self._failed(run, error)
                        continue
                    run.saw(piece)
                    if isinstance(piece, TextPiece | Finish):
                        self.winner = run
                        yield run, piece
                        return
                    self._ask(run)
                    yield run, piece
            raise self._error
        finally:
            await self._stop({*self._asked, *pending})

    def _ask(self, run: Run) -> None:
        self._asked[asyncio.ensure_future(anext(run.pieces))] = run

    async def _later(self) -> Run | None:
        await asyncio.sleep(self._after_s)
        return await self._another()

    async def _stop(self, tasks: set[asyncio.Task[Any]]) -> None:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for run in self._asked.values():
            if run is not self.winner:
                await run.leave("overtaken")
        self._asked.clear()
