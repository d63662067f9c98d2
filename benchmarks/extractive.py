"""How often the extractive engine quotes the sentence that holds the answer, on SQuAD's questions.

    python -m benchmarks.extractive [--data FOLDER] [--sample 6000]

As the product answers: its index finds the passages for a turn, the engine streams its quotes, and what is judged is
read from the text that it wrote. A quote is right when it holds one of the gold answers, in whatever case; "gold first"
asks in addition that the first quote comes from the gold paragraph, which leaves out short answers met by chance.

The engine's weights were chosen on one half of the articles (`tuned_on`), by cross-validation over folds of whole
articles. The first two rows are about the other half, which no choice has seen; the last two about all articles.
Vectors are kept on disk between runs; the milliseconds are measured without them, from the question to the first text.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np

from benchmarks.retrieval_sets.candidates import COLLECTION, CachedEmbedder, build
from benchmarks.retrieval_sets.sets import squad_alone
from inference.engine import Generation, Source, TextPiece
from inference.engines.extractive import ExtractiveEngine
from retrieval.contracts import Embedder, SearchRequest, Vectors
from retrieval.embedders.loading import load_embedder
from retrieval.embedders.model_folders import PACKAGED_MODEL

SET = "squad-dev-v1.1"
_TIMED = 60
_QUOTE = re.compile(r"^(?:.* \| .*: )?“(.*)” \[(\d+)\]$", re.M)


@dataclass(frozen=True, slots=True)
class Case:
    question: str
    article: str
    answers: tuple[str, ...]
    paragraph: str
    found: tuple[Source, ...]
    gold: Source

    def holds(self, text: str) -> bool:
        folded = _folded(text)
        return any(answer in folded for answer in self.answers)


def tuned_on(article: str) -> bool:
    return hashlib.sha256(article.encode()).digest()[0] % 2 == 0


def cases(data: Path, embedder: CachedEmbedder, sample: int, passages: int) -> list[Case]:
    built = build(squad_alone(data), embedder, chunk_tokens=250, overlap_tokens=30)
    paragraphs = {row["id"]: row for row in _rows(data / SET / "corpus.jsonl")}
    rows = [row for row in _rows(data / SET / "questions.dev.jsonl") if row.get("answerable", True)]
    rows = [rows[i] for i in sorted({*np.linspace(0, len(rows) - 1, sample, dtype=int).tolist()})]
    vectors = embedder.embed([row["question"] for row in rows])
    found = []
    for row, vector in zip(rows, vectors, strict=True):
        sources = []
        hits = built.index.search(SearchRequest(row["question"], frozenset([COLLECTION]), passages), vector)
        for number, hit in enumerate(hits, start=1):
            passage = built.passages[hit.passage_id]
            sources.append(Source(number, passage.document, passage.text, passage.heading, score=round(hit.score, 4)))
        gold = row["gold_docs"][0]
        answers = tuple(_folded(answer) for answer in row["answers"])
        alone = Source(1, gold, paragraphs[gold]["text"], score=1.0)
        found.append(Case(row["question"], paragraphs[gold]["title"], answers, gold, tuple(sources), alone))
    return found


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


@dataclass(frozen=True, slots=True)
class Outcome:
    first: bool
    first_three: bool
    gold_first: bool
    quotes: int


async def judge(engine: ExtractiveEngine, case: Case, sources: tuple[Source, ...]) -> Outcome:
    generation = Generation("benchmark", case.question, (), sources)
    text = "".join([piece.text async for piece in engine.stream(generation) if isinstance(piece, TextPiece)])
    quotes = [(quote, int(number)) for quote, number in _QUOTE.findall(text)]
    right = [case.holds(quote) for quote, _ in quotes]
    documents = {source.number: source.document for source in sources}
    gold_first = any(right[:1]) and documents[quotes[0][1]] == case.paragraph
    return Outcome(any(right[:1]), any(right[:3]), gold_first, len(quotes))


async def first_text_ms(embedder: Embedder, timed: Sequence[Case]) -> float:
    async def embed(texts: Sequence[str]) -> Vectors:
        return embedder.embed(texts)

    engine, waits = ExtractiveEngine(embed), []
    for case in timed:
        begun = time.perf_counter()
        async for piece in engine.stream(Generation("benchmark", case.question, (), case.found)):
            if isinstance(piece, TextPiece):
                break
        waits.append((time.perf_counter() - begun) * 1000)
    return median(waits)


def print_row(label: str, outcomes: Iterable[Outcome], milliseconds: str = "") -> None:
    rows = list(outcomes)
    figures = [fmean(getattr(row, name) for row in rows) for name in Outcome.__slots__]
    print(f"{label:38}{len(rows):6}" + "".join(f"{f:12.3f}" for f in figures) + f"{milliseconds:>8}", flush=True)


async def run(given: argparse.Namespace, kept: CachedEmbedder) -> None:
    async def embed(texts: Sequence[str]) -> Vectors:
        return kept.embed(texts)

    judged = cases(given.data, kept, given.sample, given.passages)
    engine = ExtractiveEngine(embed)
    retrieved = [await judge(engine, case, case.found) for case in judged]
    given_gold = [await judge(engine, case, (case.gold,)) for case in judged]
    unseen = [not tuned_on(case.article) for case in judged]
    timed = f"{await first_text_ms(kept.embedder, judged[:: max(1, len(judged) // _TIMED)][:_TIMED]):.0f}"
    print(f"{SET}, {given.passages} passages a question")
    print(f"{'':38}{'n':>6}" + "".join(f"{name.replace('_', ' '):>12}" for name in Outcome.__slots__) + f"{'ms':>8}")
    print_row("passages as retrieved", [o for o, new in zip(retrieved, unseen, strict=True) if new], timed)
    print_row("gold paragraph given", [o for o, new in zip(given_gold, unseen, strict=True) if new])
    print_row("as retrieved, tuning articles too", retrieved)
    print_row("gold paragraph, tuning articles too", given_gold)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the question sets")
    parser.add_argument("--sample", type=int, default=6000, help="at most so many questions, evenly spread")
    parser.add_argument("--passages", type=int, default=6, help="passages that a turn gets")
    parser.add_argument("--model", default=PACKAGED_MODEL)
    parser.add_argument("--cache", type=Path, default=Path("var/benchmark"))
    given = parser.parse_args()
    model = load_embedder(given.model, given.cache.parent / "cache", threads=2)
    asyncio.run(run(given, CachedEmbedder(model, given.cache / "vectors")))


if __name__ == "__main__":
    main()
