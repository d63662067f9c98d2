"""Retrieval on every question set, beside the rankings that it has to beat: `make bench-retrieval`.

    python -m benchmarks.retrieval_sets [--data FOLDER] [--set NAME ...] [--questions N] [--fit] [--left-out]

Through the product's own parsers, chunker, embedder and indexes, without a database. For each set: the mean over its
questions with the bounds of 95 % (bootstrap), and how often, in resamples of the same questions, the product's ranking
is no better than the best of the others. A question of these sets is ranked by weights that were fitted without its
fold (folds.json); the product ships the same, fitted to all. `--fit` fits both anew. `--left-out` ranks each set by
weights that were fitted without the whole set. What was embedded, found and fitted is kept under var/benchmark: the
first run embeds some 40,000 passages, the next one takes minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

from benchmarks.retrieval_sets import fitting, refusing, scoring, systems
from benchmarks.retrieval_sets.budget import CHARACTERS, characters_in_budget
from benchmarks.retrieval_sets.candidates import CachedEmbedder
from benchmarks.retrieval_sets.groups import FOLDS
from benchmarks.retrieval_sets.learning import Lesson
from benchmarks.retrieval_sets.searched import REFUSING, Asked, ask
from benchmarks.retrieval_sets.sets import SETS
from retrieval.embedders.loading import load_embedder
from retrieval.embedders.model_folders import PACKAGED_MODEL
from retrieval.evaluation.significance import chance_of_no_gain, interval
from retrieval.ranking.network import Network

PRODUCT = "Footnote"
_OTHERS = {
    "BM25": systems.lexical_alone,
    "embedder": systems.dense_alone,
    "reciprocal ranks": systems.reciprocal_ranks,
    "convex, 0.5": systems.convex(0.5),
}
_MEASURES: dict[str, dict[str, scoring.Score]] = {
    "docugami": {"hit@5": scoring.hit_at_5},
    "chroma": {"characters@5": scoring.characters_at_5, f"characters in {CHARACTERS}": characters_in_budget},
}
_NDCG: dict[str, scoring.Score] = {"nDCG@10": scoring.ndcg_at_10}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the question sets")
    parser.add_argument("--set", dest="sets", action="append", choices=[*SETS, REFUSING])
    parser.add_argument("--questions", type=int, default=1000, help="at most so many of each set, evenly spread")
    parser.add_argument("--fit", action="store_true", help="fit the weights that the product ships, to these sets")
    parser.add_argument("--left-out", action="store_true", help="rank each set by weights that do not know it")
    parser.add_argument("--chunk-tokens", type=int, default=250)
    parser.add_argument("--overlap-tokens", type=int, default=30)
    parser.add_argument("--model", default=PACKAGED_MODEL)
    parser.add_argument("--cache", type=Path, default=Path("var/benchmark"))
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    model = load_embedder(given.model, given.cache.parent / "cache", threads=given.threads)
    embedder = CachedEmbedder(model, given.cache / "vectors")
    named = given.sets or [*SETS, REFUSING]
    folder = given.cache / "retrieval_sets"
    if given.fit or given.left_out:
        lessons = {name: _lesson(name, given, embedder) for name in [*SETS, REFUSING]}
    if given.fit:
        fitting.fit(lessons, given.model, folder)
    networks = fitting.folded()
    print("the documents do not say: answered, foreign; AUROC of cosine, BM25, confidence; foreign ones below 95 %")
    for name in named:
        one = ask(name, given, embedder)
        if given.left_out:
            networks = [fitting.without_family(lessons, name, given.model, folder)] * FOLDS
        if name != REFUSING:
            report(name, one, networks)
        refusing.report(name, one.lesson.answered, one.lesson.foreign, networks)


def _lesson(name: str, given: argparse.Namespace, embedder: CachedEmbedder) -> tuple[str, Lesson]:
    asked = ask(name, given, embedder)
    print(f"{name}: {len(asked.lesson.answered)} questions and {len(asked.lesson.foreign)} others", flush=True)
    return asked.key, asked.lesson


def report(name: str, asked: Asked, networks: Sequence[Network]) -> None:
    corpus, passages = asked.corpus, asked.searched.passages
    counts = f"{len(corpus.sources)} documents, {len(passages)} passages, {len(corpus.questions)} questions"
    print(f"\n{name}: {counts} ({asked.seconds:.0f} s)")
    found = asked.searched.found
    rankings = {label: [rank(one) for one in found] for label, rank in _OTHERS.items()}
    rankings[PRODUCT] = _own(asked, networks)
    for measure, score in _MEASURES.get(name, _NDCG).items():
        _compare(measure, score, rankings, asked)


def _compare(measure: str, score: scoring.Score, rankings: dict[str, list[list[int]]], asked: Asked) -> None:
    corpus, passages = asked.corpus, asked.searched.passages
    values = {
        label: [score(question, one, passages, corpus) for question, one in zip(corpus.questions, ranked, strict=True)]
        for label, ranked in rankings.items()
    }
    print(f"  {measure}")
    for label, scores in values.items():
        low, high = interval(scores)
        print(f"  {label:18} {fmean(scores):.3f}  {low:.3f} to {high:.3f}")
    best = max(_OTHERS, key=lambda label: fmean(values[label]))
    chance = chance_of_no_gain(values[PRODUCT], values[best])
    gain = fmean(values[PRODUCT]) - fmean(values[best])
    print(f"  {gain:+.3f} against {best}; no better in {chance:.1%} of resamples", flush=True)


def _own(asked: Asked, networks: Sequence[Network]) -> list[list[int]]:
    examples = iter(asked.lesson.answered)  # of the questions for which anything was found
    return [
        systems.weighed(one, (example := next(examples)).seen, networks[example.fold]) if one.words.evidence else []
        for one in asked.searched.found
    ]


if __name__ == "__main__":
    main()
