"""What an answer warns of on the page of its chat, wherever else it is read: sentences that the passages they name do
not hold, and that the search doubts that the documents answer at all.
"""

from __future__ import annotations

import re

from chatapp.conversations.engines import is_quoting
from chatapp.conversations.models import Message
from chatapp.privacy.fields import opened

Places = tuple[tuple[int, int], ...]
# As on the page (static/js/warnings.js): below the first, quotations say so themselves; from the second on, none does.
_DOUBTED, _SURE = 0.3, 0.6
_NAMES_A_SOURCE = re.compile(r"\[\d+\]")
_BEGINS_A_LINE = re.compile(r"^\s*(?:\d{1,2}[.)]|[-*•#>|]+)\s+")
_MARK = re.compile(r"\s*\[\d{1,3}\]")


def places_of(row: Message, length: int | None) -> Places | None:
    """Of sentences that no passage holds, in so much of the text as it is stored. None: nobody looked at it."""
    if row.unsupported is None:
        return None
    return tuple((start, end) for start, end in row.unsupported if length is None or end <= length)


def confidence_of(row: Message) -> float | None:
    """That the documents answer the question, as the search has it; None: it is not known."""
    known = (one.get("confidence") for one in opened(row, "sources") or ())
    return next((one for one in known if isinstance(one, int | float)), None)


def doubted(row: Message, text: str) -> int | None:
    """How sure the search was, in per cent, where quotations stand in the text and that is little."""
    sure = confidence_of(row)
    if row.status != Message.Status.COMPLETE or sure is None or not _DOUBTED <= sure < _SURE:
        return None
    parts = _parts(row, text)
    quotes = any(_NAMES_A_SOURCE.search(words) for _, words in parts)
    return int(100 * sure + 0.5) if quotes and all(is_quoting(engine) for engine, _ in parts) else None


def sentences(text: str, places: Places) -> list[str]:
    """As they are told beside a text: without marks, and what begins a line of a list."""
    found = (_BEGINS_A_LINE.sub("", _MARK.sub("", text[start:end])) for start, end in places)
    return [plain for one in found if (plain := " ".join(one.split()))]


def _parts(row: Message, text: str) -> list[tuple[str, str]]:
    """Who wrote what of it."""
    writers = row.written_by or [{"engine": row.engine, "from": 0}]
    ends = [*(one["from"] for one in writers[1:]), len(text)]
    parts = [(one["engine"], text[one["from"] : end]) for one, end in zip(writers, ends, strict=True)]
    return [(engine, words) for engine, words in parts if engine and words.strip()]
