"""Jupyter notebooks: their texts and their code, cell by cell; no outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.parsing import markdown
from retrieval.parsing.budget import Blocks
from retrieval.parsing.encoding import decode
from retrieval.parsing.sniff import Corrupt


def parse(path: Path, limits: ParseLimits) -> ParsedDocument:
    out = Blocks(limits.characters)
    try:
        content = json.loads(decode(path.read_bytes()) or "")
        cells = content["cells"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Corrupt("The notebook is damaged and cannot be opened.", detail=str(error)) from error
    for number, cell in enumerate(cells if isinstance(cells, list) else [], start=1):
        if not isinstance(cell, dict):
            continue
        source = _source(cell.get("source"))
        if cell.get("cell_type") == "markdown":
            markdown.add_markdown(out, source, f"cell {number}")
        else:
            out.add("code", source, locator=f"cell {number}")
    return ParsedDocument("", tuple(out.blocks))


def _source(source: Any) -> str:
    lines = source if isinstance(source, list) else [source]
    return "".join(line for line in lines if isinstance(line, str))
