"""Question sets as files: JSON lines, and CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from retrieval.evaluation.errors import BadQuestionSet
from retrieval.evaluation.rows import MOST_ROWS, Row, as_fields, row_of, target_fields

MOST_BYTES = 20_000_000
COLUMNS = ("question", "documents", "pages", "quotes", "collection", "answer", "tags", "language")
_FIELD = 100_000  # characters of one cell
_BETWEEN = "\n"  # within a cell: one a line


def read(content: bytes, name: str) -> list[Row]:
    """By the ending of the name: .csv, else JSON lines. Raises BadQuestionSet, which names the line."""
    if len(content) > MOST_BYTES:
        raise BadQuestionSet(f"The file is larger than {MOST_BYTES // 1_000_000} MB.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise BadQuestionSet(f"Line {line}: this is not UTF-8 text.") from None
    found = list(_rows(_csv_fields(text) if name.lower().endswith(".csv") else _json_fields(text)))
    if not found:
        raise BadQuestionSet("It holds no question.")
    return found


def write_jsonl(rows: Sequence[Row]) -> str:
    return "".join(json.dumps(as_fields(row), ensure_ascii=False) + "\n" for row in rows)


def write_csv(rows: Sequence[Row]) -> str:
    """As much as fits: what a question names in several collections needs JSON lines. Raises BadQuestionSet."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for number, row in enumerate(rows, 1):
        collections = {one.collection for one in row.targets}
        if len(collections) > 1:
            raise BadQuestionSet(f"Question {number} names several collections.", advice="Export it as JSON lines.")
        fields = [target_fields(one) for one in row.targets]
        writer.writerow(
            {
                "question": row.question,
                "documents": _BETWEEN.join(one.get("document", "") for one in fields),
                "pages": _BETWEEN.join(str(one.get("page", "")) for one in fields),
                "quotes": _BETWEEN.join(one.get("quote", "") for one in fields),
                "collection": collections.pop(),
                "answer": row.answer,
                "tags": _BETWEEN.join(row.tags),
                "language": row.language,
            }
        )
    return out.getvalue()


def _rows(fields: Iterator[tuple[int, dict[str, Any]]]) -> Iterator[Row]:
    seen: dict[Row, int] = {}
    for line, one in fields:
        if len(seen) == MOST_ROWS:
            raise BadQuestionSet(f"Line {line}: a question set has at most {MOST_ROWS} questions.")
        try:
            row = row_of(one)
        except BadQuestionSet as error:
            raise BadQuestionSet(f"Line {line}: {error.user_message}") from None
        if row in seen:
            raise BadQuestionSet(f"Line {line}: the same as line {seen[row]}.")
        seen[row] = line
        yield row


def _json_fields(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for line, one in enumerate(text.split("\n"), 1):
        if not one.strip():
            continue
        try:
            fields = json.loads(one)
        except (ValueError, RecursionError):
            raise BadQuestionSet(f"Line {line}: this is not JSON.") from None
        if not isinstance(fields, dict):
            raise BadQuestionSet(f"Line {line}: this is not a JSON object.")
        yield line, fields


def _csv_fields(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    csv.field_size_limit(_FIELD)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        unknown = [one for one in reader.fieldnames or () if one not in COLUMNS]
        if unknown or "question" not in (reader.fieldnames or ()):
            raise BadQuestionSet(f"Line 1: the columns are {', '.join(COLUMNS)}; `question` is needed.")
        while True:
            line = reader.line_num + 1
            cells = next(reader, None)
            if cells is None:
                return
            if None in cells or None in cells.values():
                raise BadQuestionSet(f"Line {line}: not as many cells as columns.")
            yield line, _of_cells(line, cells)
    except csv.Error as error:
        raise BadQuestionSet(f"Line {line}: this is not CSV ({error}).") from None


def _of_cells(line: int, cells: dict[str, str]) -> dict[str, Any]:
    """The n-th line of each of the cells documents, pages and quotes belong together."""
    parts = {name: cells.get(name, "").split("\n") for name in ("documents", "pages", "quotes")}
    relevant = []
    for place in range(max(map(len, parts.values()))):
        document, page, quote = (one[place].strip() if place < len(one) else "" for one in parts.values())
        if not (document or page or quote):
            continue
        if page and not (page.isascii() and page.isdigit() and len(page) < 8):
            raise BadQuestionSet(f"Line {line}: {page[:20]!r} is no page.")
        target = {"document": document, "quote": quote, "collection": cells.get("collection", "")}
        relevant.append(target | ({"page": int(page)} if page else {}))
    tags = [tag for tag in cells.get("tags", "").split("\n") if tag.strip()]
    plain = {name: cells.get(name, "") for name in ("question", "answer", "language")}
    return {**plain, "tags": tags, "relevant": relevant}
