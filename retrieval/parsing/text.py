"""Plain text and CSV."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.parsing.budget import Blocks
from retrieval.parsing.encoding import decode
from retrieval.parsing.sniff import Corrupt


def parse(path: Path, limits: ParseLimits) -> ParsedDocument:
    text = decode(path.read_bytes())
    if text is None:
        raise Corrupt
    out = Blocks(limits.characters)
    for paragraph in re.split(r"\n\s*\n", text.replace("\r\n", "\n")):
        out.add("paragraph", paragraph)
    return ParsedDocument("", tuple(out.blocks))


def parse_csv(path: Path, limits: ParseLimits) -> ParsedDocument:
    text = decode(path.read_bytes())
    if text is None:
        raise Corrupt
    out = Blocks(limits.characters)
    csv.field_size_limit(1_000_000)
    try:
        dialect: type[csv.Dialect] | csv.Dialect = csv.Sniffer().sniff(text[:20_000], delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    try:
        out.table(list(csv.reader(io.StringIO(text, newline=""), dialect)))
    except csv.Error as error:
        raise Corrupt("The table cannot be read as CSV.", detail=str(error)) from error
    return ParsedDocument("", tuple(out.blocks))
