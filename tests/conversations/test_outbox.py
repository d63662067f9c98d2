"""Frames reach their stream once and in order, whatever happens to the stream on the way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from uuid import UUID, uuid4

from chatapp.conversations.outbox import Outbox
from chatapp.conversations.stream import Frame, MemoryTurnStream, StreamAway


class Unsteady:
    """A stream that takes frames and then does not say so, or is away, before it works."""

    def __init__(self, *failures: str) -> None:
        self.failures, self.kept = list(failures), MemoryTurnStream()
        self.slow = asyncio.Event()

    async def append(self, turn: UUID, frames: Sequence[Frame], *, final: bool = False, takeovers: int = 0) -> None:
        failure = self.failures.pop(0) if self.failures else ""
        if failure == "away":
            raise StreamAway
        await self.kept.append(turn, frames, final=final)
        if failure == "silent":
            raise StreamAway
        if failure == "slow":
            await self.slow.wait()

    async def take_over(self, turn: UUID, takeovers: int) -> list[Frame]:
        return []

    async def holds(self, turn: UUID, after: int) -> bool:
        return await self.kept.holds(turn, after)

    def read(self, turn: UUID, after: int) -> AsyncIterator[Frame | None]:
        return self.kept.read(turn, after)


async def everything(outbox: Outbox) -> list[tuple[int, str, str]]:
    read = [frame async for frame in outbox.stream.read(outbox.turn, 0)]
    return [(frame["seq"], frame["type"], frame.get("text", "")) for frame in read if frame]


def test_what_is_unsent_goes_with_the_next_call_in_order_and_once() -> None:
    async def run() -> list[tuple[int, str, str]]:
        outbox = Outbox(uuid4(), Unsteady("away", "silent", "away"))
        outbox.add("stage")
        assert not await outbox.send()
        outbox.write("one ")
        assert not await outbox.send()  # it took the stage, and did not say so
        outbox.write("two ")
        outbox.add("citations")
        assert not await outbox.send()
        outbox.add("done")
        assert await outbox.send(final=True)
        return await everything(outbox)

    assert asyncio.run(run()) == [(1, "stage", ""), (2, "text", "one two "), (3, "citations", ""), (4, "done", "")]


def test_a_send_that_is_cancelled_in_the_middle_loses_and_doubles_nothing() -> None:
    async def run() -> list[tuple[int, str, str]]:
        outbox = Outbox(uuid4(), Unsteady("slow"))
        outbox.write("one ")
        sending = asyncio.create_task(outbox.send())
        await asyncio.sleep(0.01)
        outbox.write("two")
        waiting = asyncio.create_task(outbox.send())
        await asyncio.sleep(0.01)
        sending.cancel()
        assert await waiting
        outbox.add("done")
        assert await outbox.send(final=True)
        return await everything(outbox)

    assert asyncio.run(run()) == [(1, "text", "one "), (2, "text", "two"), (3, "done", "")]
