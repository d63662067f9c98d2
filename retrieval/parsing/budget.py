"""Collects blocks under a bound on characters."""

from __future__ import annotations

from retrieval.contracts import Block, BlockKind
from retrieval.parsing.sniff import TooLarge


class Blocks:
    def __init__(self, most_characters: int) -> None:
        self._left = most_characters
        self.blocks: list[Block] = []

    def add(self, kind: BlockKind, text: str, *, page: int | None = None, level: int = 0, locator: str = "") -> None:
        text = clean(text)
        if text:
            self._spend(len(text))
            self.blocks.append(Block(kind, text, page=page, level=level, locator=locator[:200]))

    def table(self, rows: list[list[str]], *, page: int | None = None, locator: str = "") -> None:
        kept = tuple(tuple(clean(c).replace("\n", " ") for c in row) for row in rows)
        kept = tuple(row for row in kept if any(row))
        if kept:
            text = "\n".join(" | ".join(row) for row in kept)
            self._spend(len(text))
            self.blocks.append(Block("table", text, page=page, rows=kept, locator=locator[:200]))

    def _spend(self, characters: int) -> None:
        self._left -= characters
        if self._left < 0:
            raise TooLarge("The document holds more text than is allowed.", advice="Split it into smaller documents.")


def clean(text: str) -> str:
    """No characters that Postgres cannot store, no soft hyphens, no trailing space."""
    text = text.replace("\0", "").replace("\xad", "").replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
    text = text.encode("utf-8", "replace").decode("utf-8")
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n ")
