"""Question sets: documents, questions, and what answers them. Each set is read from its own folder."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PAGE_CHARACTERS = 1000  # of the pieces that pages of the big corpus are cut into as distractors
_LANGUAGES = ("de", "es", "zh", "ar")
_BIG_DOCS = 2126  # pieces of it: the baselines were measured among so many


@dataclass(frozen=True, slots=True)
class Source:
    """A document: what the gold calls it, and its file or its text."""

    name: str
    path: Path | None = None
    text: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    id: str
    text: str
    gold: frozenset[str]
    excerpts: tuple[tuple[int, int], ...] = ()  # where in its document the answer stands, in characters


@dataclass(frozen=True, slots=True)
class Corpus:
    sources: tuple[Source, ...]
    questions: tuple[Question, ...]


def rag_multi_corpus(data: Path) -> Corpus:
    """Five fictional firms, each document in one of five formats."""
    folder = data / "rag-multi-corpus"
    names = (folder / "mixed.txt").read_text().splitlines()
    sources = (Source(f"{Path(name).parts[0]}/{Path(name).stem}", folder / "docs" / name) for name in names)
    return Corpus(tuple(sources), _questions(folder / "questions.dev.jsonl"))


def squad_among_others(data: Path) -> Corpus:
    return Corpus(_all(data), _questions(data / "squad-dev-v1.1" / "questions.dev.jsonl"))


def nq_among_others(data: Path) -> Corpus:
    return Corpus(_all(data), _questions(data / "nq-open-oracle" / "questions.dev.jsonl"))


def _all(data: Path) -> tuple[Source, ...]:
    return (*_squad(data), *_wiki(data), *_nq(data), *_scifact(data), *_big_docs(data))


def squad_alone(data: Path) -> Corpus:
    return Corpus(_squad(data), _questions(data / "squad-dev-v1.1" / "questions.dev.jsonl"))


def scifact(data: Path) -> Corpus:
    return Corpus(_scifact(data), _questions(data / "beir-scifact" / "questions.dev.jsonl"))


def xquad(language: str) -> Callable[[Path], Corpus]:
    def read(data: Path) -> Corpus:
        rows = _rows(data / "xquad" / f"corpus.{language}.jsonl")
        sources = tuple(Source(row["id"], text=row["text"]) for row in rows)
        return Corpus(sources, _questions(data / "xquad" / f"questions.{language}.dev.jsonl"))

    return read


def docugami(data: Path) -> Corpus:
    """Quarterly reports as PDF; questions whose documents are all in the small folder."""
    folder = data / "docugami-sec-10q"
    sources = tuple(Source(path.name, path) for path in sorted((folder / "docs").glob("*.pdf")))
    return Corpus(sources, _questions(folder / "questions.dev.jsonl", lambda row: not row["needs_large"]))


def chroma(data: Path) -> Corpus:
    """Long texts, and the very characters that answer."""
    folder = data / "chroma-chunking"
    sources = tuple(Source(path.stem, path) for path in sorted((folder / "docs").glob("*.md")))
    return Corpus(sources, _questions(folder / "questions.dev.jsonl"))


SETS: dict[str, Callable[[Path], Corpus]] = {
    "rag-multi-corpus": rag_multi_corpus,
    "squad-among-others": squad_among_others,
    "nq-among-others": nq_among_others,
    "beir-scifact": scifact,
    **{f"xquad-{language}": xquad(language) for language in _LANGUAGES},
    "docugami": docugami,
    "chroma": chroma,
}


_FOLDERS = (
    "rag-multi-corpus",
    "nq-open-oracle",
    "beir-scifact",
    "docugami-sec-10q",
    "squad-dev-v1.1",
    "chroma-chunking",
)


def asked(data: Path) -> dict[str, tuple[Question, ...]]:
    """All questions of every folder."""
    found = {folder: _questions(data / folder / "questions.dev.jsonl") for folder in _FOLDERS}
    languages = {one: _questions(data / "xquad" / f"questions.{one}.dev.jsonl") for one in _LANGUAGES}
    return found | {f"xquad {one}": questions for one, questions in languages.items()}


def asked_elsewhere(data: Path) -> list[tuple[Question, ...]]:
    """Questions of four sets whose documents have nothing in common."""
    return [_questions(data / folder / "questions.dev.jsonl") for folder in _FOLDERS[:4]]


def _questions(path: Path, wanted: Callable[[dict[str, Any]], bool] = lambda row: True) -> tuple[Question, ...]:
    rows = (row for row in _rows(path) if row.get("answerable", True) and wanted(row))
    return tuple(Question(row["id"], row["question"], frozenset(row["gold_docs"]), _excerpts(row)) for row in rows)


def _excerpts(row: dict[str, Any]) -> tuple[tuple[int, int], ...]:
    return tuple((one["start_index"], one["end_index"]) for one in row.get("references", ()))


def _squad(data: Path) -> tuple[Source, ...]:
    return tuple(Source(row["id"], text=row["text"]) for row in _rows(data / "squad-dev-v1.1" / "corpus.jsonl"))


def _nq(data: Path) -> tuple[Source, ...]:
    rows = _rows(data / "nq-open-oracle" / "corpus.jsonl")
    return tuple(Source(row["id"], text=row["text"], title=row["title"]) for row in rows)


def _wiki(data: Path) -> tuple[Source, ...]:
    rows = _rows(data / "wiki-distractors" / "corpus.jsonl.gz")
    return tuple(Source(row["id"], text=row["text"], title=row["title"]) for row in rows)


def _scifact(data: Path) -> tuple[Source, ...]:
    rows = _rows(data / "beir-scifact" / "corpus.jsonl.gz")
    return tuple(Source(row["id"], text=row["text"], title=row["title"]) for row in rows)


def _big_docs(data: Path) -> tuple[Source, ...]:
    """Pieces of a real handbook and of manuals, drawn by their hash."""
    pieces = sorted(_pieces(data / "big-docs-corpus" / "docs.tar.gz"), key=lambda one: _hash(one.name))
    return tuple(pieces[:_BIG_DOCS])


def _pieces(archive: Path) -> Iterator[Source]:
    with tarfile.open(archive) as packed:
        for member in packed:
            if (file := packed.extractfile(member)) is None:
                continue
            text = file.read().decode("utf-8", "replace")
            for at in range(0, len(text), _PAGE_CHARACTERS):
                yield Source(f"{member.name}#{at}", text=text[at : at + _PAGE_CHARACTERS])


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _rows(path: Path) -> list[dict[str, Any]]:
    packed = path.read_bytes()
    text = (gzip.decompress(packed) if path.suffix == ".gz" else packed).decode()
    return [json.loads(line) for line in text.split("\n") if line.strip()]
