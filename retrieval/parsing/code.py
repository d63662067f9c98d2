"""Source code: blocks by definitions, with the lines where they stand. No grammar of any language is known: a
definition begins with a word that says so, at the left edge or at the first indentation of a long one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from retrieval.config import ParseLimits
from retrieval.contracts import ParsedDocument
from retrieval.parsing.budget import Blocks
from retrieval.parsing.encoding import decode
from retrieval.parsing.sniff import Corrupt

_WORDS = (
    "def|class|function|func|fun|fn|struct|enum|interface|trait|impl|module|namespace|type|record|object|protocol"
    "|extension|sub|macro|macro_rules!|service|message|resource|library|contract|procedure|table|view|index|trigger"
)
_BEFORE = (
    "export|default|public|private|protected|internal|static|abstract|async|pub(?:\\([a-z]+\\))?|final|sealed|inline"
    "|unsafe|override|open|data|partial|virtual|extern|create|or|replace|const|local|unique|temporary|materialized"
)
_DEFINITION = re.compile(rf"\s*(?:(?:{_BEFORE})\s+)*(?:{_WORDS})\s+[\w$.:\"`\[(]", re.I)
_ASSIGNED = re.compile(
    r"\s*(?:export\s+)?(?:const|let|var)\s+[\w$]+\s*=\s*(?:async\s*)?(?:function\b|\([^()]{0,300}\)\s*=>)"
)
_C_LIKE = re.compile(r"[A-Za-z_][\w\s*&<>,:\[\]~]{0,200}\b[\w:~]+\s*\([^;]{0,500}$")
_NO_CALL = re.compile(r"(?:if|for|while|switch|return|else|elif|with|catch|assert|print|import|from)\b")
_PREFIX = re.compile(r"\s*(?:@|#|//|/\*|\*|--|;|\"\"\"|'''|<!--|\[)")  # comments and decorators above a definition
_LONG = 60  # lines: a definition above it is divided at those inside it
_TOGETHER = 40  # lines of other statements that are one block
_NAME_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class _Part:
    begin: int  # 0-based line
    end: int
    name: str = ""  # of what is defined
    level: int = 2


def parse(path: Path, limits: ParseLimits) -> ParsedDocument:
    text = decode(path.read_bytes())
    if text is None:
        raise Corrupt
    out = Blocks(limits.characters)
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    for part in _parts(lines):
        held = "\n".join(lines[part.begin : part.end])
        if not held.strip():
            continue
        begin, end = _trimmed(lines, part)
        place = f"lines {begin + 1}-{end}" if end > begin + 1 else f"line {begin + 1}"
        if part.name:
            out.add("heading", part.name, level=part.level, locator=place)
        elif out.blocks:
            out.add("heading", _name(lines[begin]), level=2, locator=place)  # ends that of the definition above
        out.add("code", held, locator=place)
    return ParsedDocument("", tuple(out.blocks))


def _trimmed(lines: list[str], part: _Part) -> tuple[int, int]:
    begin, end = part.begin, part.end
    while not lines[begin].strip():
        begin += 1
    while not lines[end - 1].strip():
        end -= 1
    return begin, end


def _parts(lines: list[str]) -> Iterator[_Part]:
    starts = _starts(lines, 0, len(lines), "")
    if not starts or starts[0] > 0:
        yield from _statements(lines, 0, starts[0] if starts else len(lines))
    for begin, end in pairwise([*starts, len(lines)]):
        yield from _definition(lines, begin, end)


def _definition(lines: list[str], begin: int, end: int) -> Iterator[_Part]:
    """With what follows it up to the next one; a long one by its inner definitions."""
    line = next(number for number in range(begin, end) if _defines(lines[number], ""))
    name = _name(lines[line])
    close = _end(lines, line, end)
    inner = _starts(lines, line + 1, close, _indentation(lines, line + 1, close)) if close - begin > _LONG else []
    inner = [start for start in inner if start > line]
    yield _Part(begin, inner[0] if inner else close, name)
    for start, stop in zip(inner, [*inner[1:], close], strict=False):
        at = next(
            (n for n in range(start, stop) if _defines(lines[n], lines[n][: len(lines[n]) - len(lines[n].lstrip())])),
            start,
        )
        yield _Part(start, stop, _name(lines[at]), 3)
    if close < end:
        yield from _statements(lines, close, end)


def _end(lines: list[str], line: int, end: int) -> int:
    """After the last line that belongs to the definition: those that are indented, and what closes it."""
    close = line + 1
    for number in range(line + 1, end):
        text = lines[number]
        if not text.strip():
            continue
        if (
            text[0].isspace()
            or text[0] in "})]"
            or text.startswith(("end", "where", "{", "$$", "GO"))
            or close == line + 1
        ):
            close = number + 1
        elif number - close >= 1 and not text[0].isspace():
            break
        else:
            close = number + 1
    return close


def _statements(lines: list[str], begin: int, end: int) -> Iterator[_Part]:
    """What defines nothing, in handy pieces that end at an empty line where there is one."""
    while begin < end:
        stop = min(begin + _TOGETHER, end)
        if stop < end:
            empty = next((n for n in range(stop, begin + _TOGETHER // 2, -1) if not lines[n].strip()), stop)
            stop = max(empty, begin + 1)
        yield _Part(begin, stop)
        begin = stop


def _starts(lines: list[str], begin: int, end: int, indentation: str) -> list[int]:
    """Where definitions of this indentation begin, with the comments and decorators above them."""
    starts: list[int] = []
    for number in range(begin, end):
        if _defines(lines[number], indentation):
            first = number
            least = starts[-1] + 1 if starts else begin
            while first > least and _PREFIX.match(lines[first - 1]) and lines[first - 1].startswith(indentation):
                first -= 1
            starts.append(first)
    return starts


def _defines(line: str, indentation: str) -> bool:
    if not line.startswith(indentation) or line[len(indentation) : len(indentation) + 1].isspace():
        return False
    rest = line[len(indentation) :][:1000]
    if not rest or _PREFIX.match(rest):
        return False
    if _DEFINITION.match(rest) or _ASSIGNED.match(rest):
        return True
    return bool(_C_LIKE.match(rest)) and not _NO_CALL.match(rest) and rest.rstrip().endswith(("{", ")", ","))


def _indentation(lines: list[str], begin: int, end: int) -> str:
    for line in lines[begin:end]:
        if line.strip() and line[0].isspace():
            return line[: len(line) - len(line.lstrip())]
    return "\t"


def _name(line: str) -> str:
    return line.strip().rstrip("{:(,").strip()[:_NAME_CHARACTERS]
