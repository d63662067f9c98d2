"""What the tests of engines ask, and how they read the answer."""

from __future__ import annotations

from collections.abc import Callable

from inference.engine import ChatMessage, Engine, Generation, Piece, TextPiece
from tests.provider_double import WORDS

ASKED = Generation(
    "turn-7", "How many?", (ChatMessage("system", "Be brief."), ChatMessage("user", "How many?")), asker="alice"
)
WHOLE = "".join(WORDS)
Made = Callable[..., Engine]


async def pieces_of(engine: Engine, asked: Generation = ASKED) -> list[Piece]:
    return [piece async for piece in engine.stream(asked)]


async def text_of(engine: Engine, asked: Generation = ASKED) -> str:
    return "".join(piece.text for piece in await pieces_of(engine, asked) if isinstance(piece, TextPiece))
