"""Collects blocks under a bound on characters."""

from __future__ import annotations

from collections.abc import Sequence

from retrieval.contracts import Block, BlockKind, Box
from retrieval.parsing.sniff import TooLarge

LOCATOR_CHARACTERS = 200


class Blocks:
    def __init__(self, most_characters: int) -> None:
        self._left = most_characters
        self.blocks: list[Block] = []

    def add(
        self,
        kind: BlockKind,
        text: str,
        *,
        page: int | None = None,
        level: int = 0,
        locator: str = "",
        boxes: Sequence[Box] = (),
    ) -> None:
        text = clean(text)
        if text:
            self._spend(len(text))
            self.blocks.append(
                Block(kind, text, page=page, level=level, locator=locator[:LOCATOR_CHARACTERS], boxes=tuple(boxes))
            )

    def table(
        self, rows: list[list[str]], *, page: int | None = None, locator: str = "", boxes: Sequence[Box] = ()
    ) -> None:
        """`boxes`: none, or one for each row."""
        cells = [tuple(clean(c).replace("\n", " ") for c in row) for row in rows]
        full = [number for number, row in enumerate(cells) if any(row)]
        if full:
            kept = tuple(cells[number] for number in full)
            text = "\n".join(" | ".join(row) for row in kept)
            self._spend(len(text))
            of_rows = tuple(boxes[number] for number in full) if boxes else ()
            self.blocks.append(
                Block("table", text, page=page, rows=kept, locator=locator[:LOCATOR_CHARACTERS], boxes=of_rows)
            )

    def take(self, blocks: Sequence[Block]) -> None:
        """Blocks that were collected under a budget of their own."""
        for block in blocks:
            self._spend(len(block.text))
            self.blocks.append(block)

    @property
    def left(self) -> int:
        return self._left

    def _spend(self, characters: int) -> None:
        self._left -= characters
        if self._left < 0:
            raise TooLarge("The document holds more text than is allowed.", advice="Split it into smaller documents.")


def clean(text: str) -> str:
    """No characters that Postgres cannot store, no soft hyphens, no trailing space."""
    text = text.replace("\0", "").replace("\xad", "").replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
    text = text.encode("utf-8", "replace").decode("utf-8")
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n ")
