"""What the product's index finds for each question, so that rankings can be compared without searching again."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid5

import numpy as np

from benchmarks.retrieval_sets.sets import Corpus, Question, Source
from retrieval.config import ParseLimits
from retrieval.contracts import Block, Candidate, Embedder, ParsedDocument, SearchRequest, Vectors
from retrieval.cutting.chunking import chunk_document
from retrieval.index.live import LiveIndex
from retrieval.index.rows import Row
from retrieval.index.tantivy_index import TantivyIndex
from retrieval.index.vectors.flat import FlatIndex
from retrieval.indexed_text import indexed_text
from retrieval.parsing.sandbox import parse_file
from retrieval.ranking.evidence import WordsFound

COLLECTION = UUID("7b0c1f7e-6b1f-4c8a-9d38-000000000001")
DEPTH = 100
_BATCH = 512


@dataclass(frozen=True, slots=True)
class Passage:
    document: str  # as the gold calls it
    text: str
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Answered:
    """One question: what the words say of each passage that was found, and how similar it is."""

    words: WordsFound
    dense: list[Candidate]


@dataclass(frozen=True, slots=True)
class Built:
    sources: tuple[Source, ...]
    index: LiveIndex
    passages: dict[int, Passage]

    def answer(self, questions: Sequence[Question], embedder: Embedder | CachedEmbedder) -> list[Answered]:
        vectors = embedder.embed([question.text for question in questions])
        requests = (SearchRequest(question.text, frozenset([COLLECTION])) for question in questions)
        return [Answered(*self.index.found(*pair)) for pair in zip(requests, vectors, strict=True)]


class CachedEmbedder:
    """Vectors of texts that were embedded before are read from a file beside the other caches of benchmarks."""

    def __init__(self, embedder: Embedder, folder: Path) -> None:
        self.embedder = embedder
        folder.mkdir(parents=True, exist_ok=True)
        self._file = sqlite3.connect(folder / f"{embedder.name.strip('/').replace('/', '--')}.sqlite")
        self._file.execute("CREATE TABLE IF NOT EXISTS vectors (text BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")

    def embed(self, texts: Sequence[str]) -> Vectors:
        parts = [self._embed(texts[at : at + _BATCH]) for at in range(0, len(texts), _BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, self.embedder.dimension), np.float32)

    def _embed(self, texts: Sequence[str]) -> Vectors:
        keys = [hashlib.sha256(text.encode("utf-8", "replace")).digest() for text in texts]
        select = "SELECT vector FROM vectors WHERE text = ?"
        rows = [self._file.execute(select, [key]).fetchone() for key in keys]
        new = [n for n, row in enumerate(rows) if row is None]
        made = self.embedder.embed([texts[n] for n in new]) if new else ()
        for n, vector in zip(new, made, strict=True):
            rows[n] = (vector.astype("<f4").tobytes(),)
        with self._file:
            self._file.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", [(keys[n], rows[n][0]) for n in new])
        return np.stack([np.frombuffer(row[0], dtype="<f4") for row in rows]).astype(np.float32)


def build(corpus: Corpus, embedder: CachedEmbedder, *, chunk_tokens: int, overlap_tokens: int) -> Built:
    """Two sets may ask about the same documents: those that were built last are not built again."""
    key = (corpus.sources, embedder.embedder.name, chunk_tokens, overlap_tokens)
    if key not in _built:
        _built.clear()
        _built[key] = _build(corpus, embedder, chunk_tokens, overlap_tokens)
    return _built[key]


_built: dict[tuple[object, ...], Built] = {}


def _build(corpus: Corpus, embedder: CachedEmbedder, size: int, overlap: int) -> Built:
    index = LiveIndex(
        vectors=FlatIndex(embedder.embedder.dimension),
        words=TantivyIndex(),
        model=embedder.embedder.name,
        dimension=embedder.embedder.dimension,
        dense_weight=0.45,
        candidates=DEPTH,
    )
    passages: dict[int, Passage] = {}
    rows: list[Row] = []
    now = datetime.now(UTC)
    for source in corpus.sources:
        name, parsed = _parsed(source)
        place = (uuid5(COLLECTION, source.name), COLLECTION, name, parsed.title)
        count = embedder.embedder.count_tokens
        for one in chunk_document(parsed, count_tokens=count, max_tokens=size, overlap_tokens=overlap):
            number = len(passages) + 1
            passages[number] = Passage(source.name, one.text, one.heading)
            rows.append(Row(number, *place, one.heading, one.text, b"", "", "", now, None))
    texts = [indexed_text(row.document_name, row.title, row.heading, row.text) for row in rows]
    vectors = embedder.embed(texts).astype("<f2")
    index.add([row._replace(vector=one.tobytes()) for row, one in zip(rows, vectors, strict=True)])
    return Built(corpus.sources, index, passages)


def _parsed(source: Source) -> tuple[str, ParsedDocument]:
    """Texts without a file have no name that would say anything of them."""
    if source.path is not None:
        return source.path.name, parse_file(source.path, source.path.name, ParseLimits())[1]
    return "", ParsedDocument(source.title, (Block("paragraph", source.text),))
