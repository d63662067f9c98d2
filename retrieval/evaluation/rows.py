"""A question and what answers it, as it is frozen."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from retrieval.evaluation.errors import BadQuestionSet
from retrieval.stored_text import storable

MOST_ROWS = 10_000
_QUESTION, _QUOTE, _ANSWER, _NAME, _TAG = 2000, 4000, 10_000, 1000, 60  # characters
_TARGETS, _TAGS = 100, 20
_PAGE = 1_000_000


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that answers: a document, a page of it, or an exact quote. What is empty narrows nothing."""

    document: str = ""  # its path as it was ingested, the end of that path, or its name
    collection: str = ""
    page: int | None = None
    quote: str = ""

    @property
    def whole_document(self) -> bool:
        return self.page is None and not self.quote


@dataclass(frozen=True, slots=True)
class Row:
    question: str
    targets: tuple[Target, ...]
    answer: str = ""
    tags: tuple[str, ...] = ()
    language: str = ""


def row_of(fields: dict[str, Any]) -> Row:
    """Checked and normalised. Raises BadQuestionSet with a sentence about one row, without its line."""
    unknown = fields.keys() - {"question", "relevant", "answer", "tags", "language", "id"}
    if unknown:
        raise BadQuestionSet(f"{sorted(unknown)[0]!r} is not a field of a question.")
    relevant = fields.get("relevant")
    if not isinstance(relevant, list) or not relevant:
        raise BadQuestionSet("`relevant` must be a list that names at least one document or quote.")
    if len(relevant) > _TARGETS:
        raise BadQuestionSet(f"More than {_TARGETS} things answer it.")
    question = _text(fields, "question", _QUESTION)
    if not question:
        raise BadQuestionSet("The question is empty.")
    targets = tuple(dict.fromkeys(_target(one) for one in relevant))
    return Row(question, targets, _text(fields, "answer", _ANSWER), _tags(fields), _text(fields, "language", 10))


def digest(rows: Sequence[Row]) -> str:
    """SHA-256 over the rows in an order of their own: the same rows have the same one."""
    lines = sorted(json.dumps(asdict(row), sort_keys=True, ensure_ascii=False) for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def as_fields(row: Row) -> dict[str, Any]:
    """What an export holds and an import takes; empty fields are left out."""
    found: dict[str, Any] = {"question": row.question, "relevant": [target_fields(one) for one in row.targets]}
    found |= {"answer": row.answer, "tags": list(row.tags), "language": row.language}
    return {name: value for name, value in found.items() if value}


def target_fields(target: Target) -> dict[str, Any]:
    return {name: value for name, value in asdict(target).items() if value}


def _target(given: Any) -> Target:
    if isinstance(given, str):
        given = {"document": given}
    if not isinstance(given, dict) or given.keys() - {"document", "collection", "page", "quote"}:
        raise BadQuestionSet(
            "Each of `relevant` is a document's name, or has `document`, `collection`, `page`, `quote`."
        )
    page = given.get("page")
    if page is not None and (not isinstance(page, int) or isinstance(page, bool) or not 1 <= page <= _PAGE):
        raise BadQuestionSet("`page` must be a whole number from 1 on.")
    document, quote = _text(given, "document", _NAME), " ".join(_text(given, "quote", _QUOTE).split())
    if not document and not quote:
        raise BadQuestionSet("Each of `relevant` needs a `document` or a `quote`.")
    return Target(document, _text(given, "collection", 120), page, quote)


def _tags(fields: dict[str, Any]) -> tuple[str, ...]:
    tags = fields.get("tags") or []
    if not isinstance(tags, list) or len(tags) > _TAGS:
        raise BadQuestionSet(f"`tags` must be a list of at most {_TAGS}.")
    return tuple(sorted({_text({"tags": one}, "tags", _TAG) for one in tags} - {""}))


def _text(fields: dict[str, Any], name: str, most: int) -> str:
    value = fields.get(name, "")
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadQuestionSet(f"`{name}` must be text.")
    if len(value) > most:
        raise BadQuestionSet(f"`{name}` is longer than {most} characters.")
    return unicodedata.normalize("NFC", storable(value)).strip()
