"""Retrieval quality on question sets, through the product's own parsers, chunker, embedder, indexes and fusion.

    python -m benchmarks.retrieval [--data FOLDER] [--set rag-multi-corpus] [--set squad-dev-v1.1] [--questions 2000]

No database is needed. A document is worth as much as its best passage.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid5

import numpy as np

from benchmarks.ranking import MEASURES, Judged, measures
from retrieval.chunking import chunk_document
from retrieval.config import ParseLimits
from retrieval.contracts import PassageHit, SearchRequest
from retrieval.embedding import load_embedder
from retrieval.index.faiss_index import FlatIndex
from retrieval.index.live import LiveIndex
from retrieval.index.tantivy_index import TantivyIndex
from retrieval.indexed_text import indexed_text
from retrieval.parsing import parse_file
from retrieval.tokenizer import PACKAGED_MODEL

COLLECTION = UUID("7b0c1f7e-6b1f-4c8a-9d38-000000000001")


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    gold: frozenset[str]


@dataclass(frozen=True, slots=True)
class Passage:
    name: str  # of its document, as the gold calls it
    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Corpus:
    files: list[tuple[str, Path]]  # what the gold calls a document, and its file
    questions: list[Question]


def rag_multi_corpus(folder: Path, _scratch: Path) -> Corpus:
    """Five fictional firms, each document in one of five formats."""
    names = (folder / "mixed.txt").read_text().splitlines()
    files = [(f"{Path(name).parts[0]}/{Path(name).stem}", folder / "docs" / name) for name in names]
    return Corpus(files, _questions(folder / "questions.dev.jsonl"))


def squad(folder: Path, scratch: Path) -> Corpus:
    """Wikipedia paragraphs, each a text file of its own."""
    files = []
    for line in (folder / "corpus.jsonl").read_text().splitlines():
        paragraph = json.loads(line)
        path = scratch / f"{paragraph['id']}.txt"
        path.write_text(paragraph["text"])
        files.append((paragraph["id"], path))
    return Corpus(files, _questions(folder / "questions.dev.jsonl"))


SETS: dict[str, Callable[[Path, Path], Corpus]] = {"rag-multi-corpus": rag_multi_corpus, "squad-dev-v1.1": squad}


def _questions(path: Path) -> list[Question]:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows = [row for row in rows if row.get("answerable", True)]
    return [Question(row["question"], frozenset(row["gold_docs"])) for row in rows]


class Bench:
    def __init__(self, arguments: argparse.Namespace) -> None:
        self.arguments = arguments
        self.embedder = load_embedder(arguments.model, arguments.cache, threads=arguments.threads)

    def run(self, name: str) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            corpus = SETS[name](self.arguments.data / name, Path(scratch))
            begun = time.monotonic()
            index, passages = self.index(corpus)
            seconds = time.monotonic() - begun
        step = max(1, len(corpus.questions) // self.arguments.questions)
        questions = corpus.questions[::step][: self.arguments.questions]
        count = len(index.vectors)
        print(f"\n{name}: {len(corpus.files)} documents, {count} passages ({count / seconds:.0f} a second), ", end="")
        print(f"{len(questions)} questions")
        print(f"{'':26}" + "".join(f"{measure:>9}" for measure in MEASURES))
        vectors = self.embedder.embed([q.text for q in questions])
        for label, weight, depth in self._systems():
            judged = []
            for question, vector in zip(questions, vectors, strict=True):
                request = SearchRequest(question.text, frozenset([COLLECTION]), depth)
                hits = index.search(request, vector, dense_weight=weight)
                judged.append(Judged(_documents(hits, passages), question.gold))
            found = measures(judged)
            print(f"{label:26}" + "".join(f"{found[measure]:9.3f}" for measure in MEASURES), flush=True)

    def _systems(self) -> Iterator[tuple[str, float, int]]:
        yield "lexical alone", 0.0, 100
        yield "dense alone", 1.0, 100
        for weight in self.arguments.weights:
            yield f"fused, dense weight {weight}", weight, 100
            yield f"  first {self.arguments.k} passages only", weight, self.arguments.k

    def index(self, corpus: Corpus) -> tuple[LiveIndex, dict[int, Passage]]:
        index = LiveIndex(
            vectors=FlatIndex(self.embedder.dimension),
            words=TantivyIndex(),
            model=self.embedder.name,
            dimension=self.embedder.dimension,
            dense_weight=0.5,
            candidates=self.arguments.candidates,
        )
        passages: dict[int, Passage] = {}
        for name, path in corpus.files:
            document = uuid5(COLLECTION, name)
            _, parsed = parse_file(path, path.name, ParseLimits())
            chunks = chunk_document(
                parsed,
                count_tokens=self.embedder.count_tokens,
                max_tokens=self.arguments.chunk_tokens,
                overlap_tokens=self.arguments.overlap_tokens,
            )
            texts = [indexed_text(path.name, parsed.title, c.heading, c.text) for c in chunks]
            vectors = self.embedder.embed(texts).astype(np.float16)
            rows = []
            for chunk, vector in zip(chunks, vectors, strict=True):
                passage = len(passages) + 1
                passages[passage] = Passage(name, chunk.heading, chunk.text)
                where = (passage, document, COLLECTION, path.name, parsed.title)
                rows.append((*where, chunk.heading, chunk.text, vector.tobytes()))
            index.add(rows)
        return index, passages


def _documents(hits: list[PassageHit], passages: dict[int, Passage]) -> list[str]:
    return list(dict.fromkeys(passages[hit.passage_id].name for hit in hits))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the question sets")
    parser.add_argument("--set", dest="sets", action="append", choices=sorted(SETS))
    parser.add_argument("--questions", type=int, default=2000, help="at most so many of each set, evenly spread")
    parser.add_argument("--weights", type=float, nargs="+", default=[0.45], help="dense weights to compare")
    parser.add_argument("--candidates", type=int, default=100)
    parser.add_argument("-k", type=int, default=10)
    parser.add_argument("--chunk-tokens", type=int, default=220)
    parser.add_argument("--overlap-tokens", type=int, default=30)
    parser.add_argument("--model", default=PACKAGED_MODEL)
    parser.add_argument("--cache", type=Path, default=Path("var/cache"))
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    bench = Bench(arguments)
    for name in arguments.sets or sorted(SETS):
        bench.run(name)


if __name__ == "__main__":
    main()
