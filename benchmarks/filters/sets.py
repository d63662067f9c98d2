"""The third-party sets, as texts with labels. Rows are in five folds by the hash of their id."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

FOLDS = 5


@dataclass(frozen=True, slots=True)
class Row:
    text: str
    label: str
    fold: int
    told: dict[str, Any]  # the row as it is


def fold_of(key: str) -> int:
    return int(hashlib.sha256(f"filters:{key}".encode()).hexdigest()[:8], 16) % FOLDS


def has_heldout(data: Path) -> bool:
    return (data / "filter-jailbreak" / "labels.heldout.jsonl").exists()


def labelled(data: Path, name: str, split: str) -> list[Row]:
    rows = _lines(data / f"filter-{name}" / f"labels.{split}.jsonl")
    return [Row(one["text"], one["label"], fold_of(one["id"]), one) for one in rows]


def contexts(data: Path, split: str) -> list[Row]:
    """E-mails without an instruction in them."""
    rows = _lines(data / "filter-bipia-indirect" / f"contexts.{split}.jsonl")
    return [Row(one["context"], "benign", fold_of(one["id"]), one) for one in rows]


def injected(data: Path, split: str) -> Iterator[Row]:
    """Each instruction at the beginning, in the middle and at the end of an e-mail of the same fold."""
    mails = contexts(data, split)
    for at, row in enumerate(labelled(data, "bipia-indirect", split)):
        same = [one for one in mails if one.fold == row.fold] or mails
        for turn, place in enumerate((0.0, 0.5, 1.0)):
            mail = same[(at * 3 + turn) % len(same)].text
            cut = _blank_near(mail, int(len(mail) * place))
            yield Row(f"{mail[:cut]}\n{row.text}\n{mail[cut:]}".strip(), "injected", row.fold, row.told)


def _blank_near(text: str, at: int) -> int:
    found = text.find(" ", at)
    return len(text) if found < 0 else found if at else 0


def questions(data: Path, name: str, split: str, most: int = 1_000_000) -> list[Row]:
    """Ordinary questions."""
    rows = _lines(data / name / f"questions.{split}.jsonl")
    texts = ((one["id"], one.get("question") or one.get("text")) for one in rows)
    return [Row(text, "benign", fold_of(str(key)), {"id": key}) for key, text in islice(texts, most)]


def paragraphs(data: Path, name: str, most: int) -> list[Row]:
    """Ordinary passages, evenly spread over a corpus."""
    rows = _lines(data / name / "corpus.jsonl")
    return [Row(one["text"], "benign", fold_of(str(one["id"])), {}) for one in _spread(rows, most)]


def documents(data: Path, most: int) -> list[Row]:
    """Passages of about 900 characters of the office documents."""
    found = []
    for path in sorted((data / "rag-multi-corpus" / "docs").rglob("*.md")):
        text = path.read_text(errors="replace")
        found += [Row(text[at : at + 900], "benign", fold_of(path.stem), {}) for at in range(0, len(text), 900)]
    return _spread(found, most)


def _spread(rows: list[Any], most: int) -> list[Any]:
    return rows[:: max(1, len(rows) // most)][:most]


def _lines(path: Path) -> list[dict[str, Any]]:
    with path.open() as lines:
        return [json.loads(line) for line in lines]


def texts(rows: Iterable[Row]) -> list[str]:
    return [row.text for row in rows]
