"""What both lists of the product find for each question, so that rankings can be compared without searching again."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid5

import numpy as np

from benchmarks.retrieval_sets.sets import Corpus, Source
from retrieval.chunking import chunk_document
from retrieval.config import ParseLimits
from retrieval.contracts import Block, Candidate, Chunk, Embedder, IndexedPassage, ParsedDocument, Vectors
from retrieval.index.faiss_index import FlatIndex
from retrieval.index.tantivy_index import TantivyIndex
from retrieval.indexed_text import indexed_text
from retrieval.parsing import parse_file

COLLECTION = UUID("7b0c1f7e-6b1f-4c8a-9d38-000000000001")
DEPTH = 100
_BATCH = 512


@dataclass(frozen=True, slots=True)
class Passage:
    document: str  # as the gold calls it
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """Both lists of each question, in the order of the questions."""

    passages: dict[int, Passage]
    dense: list[list[Candidate]]
    lexical: list[list[Candidate]]


class CachedEmbedder:
    """Vectors of texts that were embedded before are read from a file beside the other caches of benchmarks."""

    def __init__(self, embedder: Embedder, folder: Path) -> None:
        self.embedder = embedder
        folder.mkdir(parents=True, exist_ok=True)
        self._file = sqlite3.connect(folder / f"{embedder.name}.sqlite")
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


def find(corpus: Corpus, embedder: CachedEmbedder, *, chunk_tokens: int, overlap_tokens: int) -> Found:
    passages: dict[int, Passage] = {}
    indexed: list[IndexedPassage] = []
    for source in corpus.sources:
        for text, shown in _passages(source, embedder.embedder, chunk_tokens, overlap_tokens):
            number = len(passages) + 1
            passages[number] = Passage(source.name, shown)
            indexed.append(IndexedPassage(number, uuid5(COLLECTION, source.name), COLLECTION, text))
    vectors, words = FlatIndex(embedder.embedder.dimension), TantivyIndex()
    halves = embedder.embed([one.text for one in indexed]).astype(np.float16)  # as they are stored
    vectors.add(np.arange(1, len(passages) + 1, dtype=np.int64), halves.astype(np.float32))
    words.add(indexed)
    asked = embedder.embed([question.text for question in corpus.questions])
    dense = [vectors.search(one, DEPTH, None) for one in asked]
    lexical = [words.search(question.text, DEPTH, frozenset([COLLECTION])) for question in corpus.questions]
    return Found(passages, dense, lexical)


def _passages(source: Source, embedder: Embedder, size: int, overlap: int) -> list[tuple[str, str]]:
    """-> what is indexed of each passage, and its own text."""
    name, parsed = _parsed(source)
    chunks: list[Chunk] = chunk_document(
        parsed, count_tokens=embedder.count_tokens, max_tokens=size, overlap_tokens=overlap
    )
    return [(indexed_text(name, parsed.title, one.heading, one.text), one.text) for one in chunks]


def _parsed(source: Source) -> tuple[str, ParsedDocument]:
    """Texts without a file have no name that would say anything of them."""
    if source.path is not None:
        return source.path.name, parse_file(source.path, source.path.name, ParseLimits())[1]
    return "", ParsedDocument(source.title, (Block("paragraph", source.text),))
