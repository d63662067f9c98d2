"""What of a passage is embedded and indexed. One place, so that ingestion, the index and benchmarks agree."""

from __future__ import annotations

import re
from pathlib import PurePath


def indexed_text(document_name: str, title: str, heading: str, text: str) -> str:
    """The passage under its document's name, title and heading path: words that its own text often leaves out."""
    above = headings(document_name, title, heading)
    return f"{above}\n{text}" if above else text


def headings(document_name: str, title: str, heading: str) -> str:
    """What stands above the passage's own text, each thing once."""
    parts: list[str] = []
    for part in (readable_name(document_name), title, heading):
        if part and part.casefold() not in " ".join(parts).casefold():
            parts.append(part)
    return "\n".join(parts)


def readable_name(document_name: str) -> str:
    """'travel_policy-2026.pdf' -> 'travel policy 2026'."""
    return re.sub(r"[\s_\-.]+", " ", PurePath(document_name).stem).strip()
