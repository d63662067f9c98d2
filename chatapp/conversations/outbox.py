"""The frames of one turn on their way to its stream: numbered once, sent in order, kept until the stream has them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog

from chatapp.conversations.stream import Frame, StreamAway, TurnStream, TurnTaken

log = structlog.get_logger(__name__)


@dataclass
class Outbox:
    turn: UUID
    stream: TurnStream
    seq: int = 0
    takeovers: int = 0
    taken: bool = False  # another process writes this turn: nothing is sent any more
    shut: bool = False  # nobody is to read any of it any more
    _away: bool = False
    _text: str = ""
    _unsent: list[Frame] = field(default_factory=list)
    _sending: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def waits(self) -> bool:
        return bool(self._text or self._unsent)

    def write(self, text: str) -> None:
        """Text gathers here until the next frame or `send`: small frames, and few of them."""
        self._text += text

    def add(self, kind: str, **values: Any) -> None:
        self._take_text()
        self._number(kind, values)

    async def send(self, *, final: bool = False) -> bool:
        """-> False while the stream is away: what is unsent goes with the next call."""
        async with self._sending:
            if self.shut:
                self._text = ""
                self._unsent.clear()
            if not self._away:  # what has not arrived goes again as it is, and text gathers behind it
                self._take_text()
            frames = list(self._unsent)
            if not frames:
                return True
            try:
                await self.stream.append(self.turn, frames, final=final, takeovers=self.takeovers)
            except StreamAway as error:
                self._away = True
                log.warning("turn.stream_away", unsent=len(frames), error=str(error)[:200])
                return False
            except TurnTaken:
                self.taken = True
            self._away = False
            del self._unsent[: len(frames)]
            return True

    async def close(self) -> None:
        """Nothing arrives in the stream from here on."""
        self.shut = True
        await self.send()

    def _take_text(self) -> None:
        if self._text:
            text, self._text = self._text, ""
            self._number("text", {"text": text})

    def _number(self, kind: str, values: dict[str, Any]) -> None:
        self.seq += 1
        self._unsent.append({"type": kind, "turn": str(self.turn), "seq": self.seq, **values})
