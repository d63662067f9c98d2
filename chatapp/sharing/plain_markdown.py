"""Markdown that carries nothing: addresses stay text, pictures are not fetched, HTML is shown as it was written, and no
code block of one text swallows the next.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_FENCE = re.compile(r" {0,3}(?P<fence>`{3,}(?=[^`]*$)|~{3,}(?!~))(?P<named>.*)")
_LANGUAGE = re.compile(r"[\w+#-]{1,30}")
_LIKE_A_FENCE = re.compile(r"^(?P<before>[\s>*+\-\d.)]*)(?P<fence>`{3,}|~{3,})")
_TRAPS = (
    (re.compile(r"<(?=[A-Za-z/!?])"), "&lt;"),  # HTML, and addresses in angle brackets
    (re.compile(r"!\["), r"!\\["),
    (re.compile(r"\]([(\[:])"), r"]\\\1"),  # links, their references, and what defines these
    (re.compile(r"(?<=[A-Za-z])://"), r"\\://"),
    (re.compile(r"\b(www)\.", re.IGNORECASE), r"\1\\."),
)


def harmless(text: str, said: Callable[[str], str] | None = None) -> str:
    """Blocks of code are kept, between fences that are longer than anything in the text. `said`: makes the other lines,
    instead of `line_of`."""
    said = said or line_of
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    lines: list[str] = []
    for language, part in _parts(text.splitlines()):
        lines += [said(line) for line in part] if language is None else [fence + language, *part, fence]
    return "\n".join(lines)


def line_of(line: str) -> str:
    """One that stands in no block of code, or a part of one."""
    for trap, instead in _TRAPS:
        line = trap.sub(instead, line)
    return _LIKE_A_FENCE.sub(lambda found: f"{found['before']}\\{found['fence']}", line)


def _parts(lines: list[str]) -> Iterator[tuple[str | None, list[str]]]:
    """Blocks of code without their fences, with what names their language, and, with None, what stands between them.
    One that is not closed ends with the text."""
    part: list[str] = []
    language: str | None = None
    closing: re.Pattern[str] | None = None
    for line in lines:
        opens = None if closing else _FENCE.fullmatch(line)
        if opens:
            yield None, part
            sign, named = opens["fence"], opens["named"].strip()
            part, closing = [], re.compile(rf" {{0,3}}{sign[0]}{{{len(sign)},}}\s*")
            language = named if _LANGUAGE.fullmatch(named) else ""
        elif closing and closing.fullmatch(line):
            yield language, part
            part, closing, language = [], None, None
        else:
            part.append(line)
    yield language, part
