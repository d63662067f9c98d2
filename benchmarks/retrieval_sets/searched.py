"""What the product's index finds for the questions of a set and for others, and what speaks for each passage of it."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from benchmarks.retrieval_sets import refusing
from benchmarks.retrieval_sets.candidates import Answered, CachedEmbedder, Passage, build
from benchmarks.retrieval_sets.groups import folds
from benchmarks.retrieval_sets.kept import code, kept, key_of
from benchmarks.retrieval_sets.learning import Lesson
from benchmarks.retrieval_sets.lessons import examples, thinned
from benchmarks.retrieval_sets.sets import SETS, Corpus, Question, nq_among_others, squad_alone

REFUSING = "refusing"
_FINDING = (
    "benchmarks/retrieval_sets/candidates.py",
    "retrieval/cutting/chunking.py",
    "retrieval/cutting/units.py",
    "retrieval/indexed_text.py",
    "retrieval/index/live.py",
    "retrieval/index/tantivy_index.py",
    "retrieval/ranking/bm25.py",
    "retrieval/ranking/evidence.py",
    "retrieval/ranking/languages.py",
    "retrieval/ranking/question.py",
    "retrieval/ranking/words.py",
)
_LEARNING = (
    "benchmarks/retrieval_sets/lessons.py",
    "benchmarks/retrieval_sets/scoring.py",
    "benchmarks/retrieval_sets/groups.py",
    "retrieval/ranking/documents.py",
    "retrieval/ranking/features.py",
    "retrieval/ranking/occurrences.py",
)


@dataclass(frozen=True, slots=True)
class Searched:
    passages: dict[int, Passage]
    found: list[Answered]  # of each question of the set
    foreign: list[Answered]  # of questions that the set does not answer


@dataclass(frozen=True, slots=True)
class Asked:
    corpus: Corpus
    searched: Searched
    lesson: Lesson
    key: str  # of all that the lesson was made of
    seconds: float


def ask(name: str, given: argparse.Namespace, embedder: CachedEmbedder) -> Asked:
    begun = time.monotonic()
    corpus = thinned(squad_alone(given.data) if name == REFUSING else SETS[name](given.data), given.questions)
    foreign = refusing.foreign_questions(given.data, corpus)
    if name == REFUSING:  # real people's questions alone, as the baseline was measured
        foreign = list(thinned(nq_among_others(given.data), 4 * refusing.FOREIGN).questions)
    settings = (given.model, given.chunk_tokens, given.overlap_tokens)
    key = key_of([*settings, *_content(corpus), *map(_in_order, [*corpus.questions, *foreign]), *code(*_FINDING)])
    folder = given.cache / "retrieval_sets"
    searched = kept(folder, f"{name}.found", key, lambda: _search(corpus, foreign, given, embedder))
    lesson_key = key_of([key, *code(*_LEARNING)])
    of_fold = folds(given.data)
    lesson = kept(folder, f"{name}.lesson", lesson_key, lambda: _lesson(name, corpus, foreign, searched, of_fold))
    return Asked(corpus, searched, lesson, lesson_key, time.monotonic() - begun)


def _in_order(question: Question) -> list[object]:
    """The order of a set's members is another one in each process."""
    return [question.id, question.text, sorted(question.gold), question.excerpts]


def _content(corpus: Corpus) -> list[object]:
    """Parsers count where there are files to parse."""
    files = [source for source in corpus.sources if source.path]
    texts: list[object] = [replace(source, path=None) for source in corpus.sources]
    return texts + [source.path.read_bytes() for source in files if source.path] + (_parsers() if files else [])


def _parsers() -> list[object]:
    return list(code("retrieval/parsing/**/*.py"))


def _search(
    corpus: Corpus, foreign: Sequence[Question], given: argparse.Namespace, embedder: CachedEmbedder
) -> Searched:
    built = build(corpus, embedder, chunk_tokens=given.chunk_tokens, overlap_tokens=given.overlap_tokens)
    stems: dict[int, npt.NDArray[np.uint32]] = {}
    return Searched(
        built.passages,
        [_sharing(one, stems) for one in built.answer(corpus.questions, embedder)],
        [_sharing(one, stems) for one in built.answer(foreign, embedder)],
    )


def _sharing(answered: Answered, stems: dict[int, npt.NDArray[np.uint32]]) -> Answered:
    """One copy of a passage's stems, however many questions found it."""
    evidence = (
        replace(one, stems=stems.setdefault(one.passage_id, one.stems.copy())) for one in answered.words.evidence
    )
    return replace(answered, words=replace(answered.words, evidence=tuple(evidence)))


def _lesson(
    name: str, corpus: Corpus, foreign: Sequence[Question], searched: Searched, of_fold: dict[str, int]
) -> Lesson:
    return Lesson(
        examples(corpus.questions, searched.found, corpus, searched.passages, of_fold),
        examples(foreign, searched.foreign, corpus, searched.passages, of_fold),
        ranked=name != REFUSING,
    )
