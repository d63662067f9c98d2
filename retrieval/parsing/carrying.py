"""A parsed document on its way from the parsing process: JSON, with a box as five numbers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from retrieval.contracts import Block, Box, Chunk, ParsedDocument


def packed(parsed: ParsedDocument) -> dict[str, Any]:
    return {
        "title": parsed.title,
        "pages": parsed.pages,
        "warnings": parsed.warnings,
        "dated_at": parsed.dated_at.isoformat() if parsed.dated_at else None,
        "blocks": [_packed_block(block) for block in parsed.blocks],
    }


def unpacked(data: dict[str, Any]) -> ParsedDocument:
    blocks = tuple(_block(entry) for entry in data["blocks"])
    dated_at = datetime.fromisoformat(data["dated_at"]) if data["dated_at"] else None
    return ParsedDocument(data["title"], blocks, data["pages"], tuple(data["warnings"]), dated_at)


def packed_chunk(chunk: Chunk) -> list[Any]:
    """Without its boxes."""
    return [chunk.ordinal, chunk.text, chunk.heading, chunk.page, chunk.locator]


def unpacked_chunk(entry: list[Any]) -> Chunk:
    return Chunk(*entry)


def _packed_block(block: Block) -> list[Any]:
    boxes = [[box.page, box.left, box.top, box.right, box.bottom] for box in block.boxes]
    text = block.text if block.kind != "table" else ""  # its rows say the same
    return [block.kind, text, block.page, block.level, block.rows, block.locator, boxes]


def _block(entry: list[Any]) -> Block:
    kind, text, page, level, rows, locator, boxes = entry
    kept = tuple(tuple(row) for row in rows)
    if kind == "table":
        text = "\n".join(" | ".join(row) for row in kept)
    return Block(kind, text, page, level, kept, locator, tuple(Box(*box) for box in boxes))
