"""JSON and JSON lines: each record a block that says its path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.parsing import text
from retrieval.parsing.budget import Blocks
from retrieval.parsing.encoding import decode
from retrieval.parsing.records import add_records
from retrieval.parsing.sniff import Corrupt

_NOT_JSON = "It is not valid JSON and was read as plain text."


def parse(path: Path, limits: ParseLimits) -> ParsedDocument:
    out = Blocks(limits.characters)
    try:
        value = json.loads(_text(path))
    except (ValueError, RecursionError):
        return _as_text(path, limits)
    add_records(out, value, "$")
    return ParsedDocument(_title(value), tuple(out.blocks))


def parse_lines(path: Path, limits: ParseLimits) -> ParsedDocument:
    out = Blocks(limits.characters)
    bad = read = 0
    for number, line in enumerate(_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            add_records(out, json.loads(line), f"line {number}")
            read += 1
        except (ValueError, RecursionError):
            bad += 1
    if not read:
        return _as_text(path, limits)
    warnings = (f"{bad} lines are not valid JSON and were not read.",) if bad else ()
    return ParsedDocument("", tuple(out.blocks), warnings=warnings)


def _text(path: Path) -> str:
    content = decode(path.read_bytes())
    if content is None:
        raise Corrupt
    return content.lstrip("\ufeff")


def _as_text(path: Path, limits: ParseLimits) -> ParsedDocument:
    plain = text.parse(path, limits)
    return ParsedDocument("", plain.blocks, warnings=(_NOT_JSON,))


def _title(value: Any) -> str:
    found = value.get("title") if isinstance(value, dict) else None
    return found.strip() if isinstance(found, str) else ""
