"""Retrieval on every question set, beside the rankings that it has to beat: `make bench-retrieval`.

    python -m benchmarks.retrieval_sets [--data FOLDER] [--set NAME ...] [--questions N]

Through the product's own parsers, chunker, embedder and indexes, without a database. For each set: the mean over its
questions with the bounds of 95 % (bootstrap), and how often, in resamples of the same questions, the product's ranking
is no better than the best of the others. Vectors are kept in the cache: the first run embeds some 30,000 passages.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from benchmarks.retrieval_sets import scoring, systems
from benchmarks.retrieval_sets.candidates import CachedEmbedder, find
from benchmarks.retrieval_sets.refusing import refusing
from benchmarks.retrieval_sets.sets import SETS, Corpus
from benchmarks.retrieval_sets.significance import chance_of_no_gain, interval
from retrieval.embedding import load_embedder
from retrieval.tokenizer import PACKAGED_MODEL

PRODUCT = "Footnote"
_OTHERS = {
    "BM25": systems.lexical_alone,
    "embedder": systems.dense_alone,
    "reciprocal ranks": systems.reciprocal_ranks,
    "convex, 0.5": systems.fused(0.5),
}
_MEASURES = {"docugami": ("hit@5", scoring.hit_at_5), "chroma": ("characters@5", scoring.characters_at_5)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the question sets")
    parser.add_argument("--set", dest="sets", action="append", choices=[*SETS, "refusing"])
    parser.add_argument("--questions", type=int, default=2000, help="at most so many of each set, evenly spread")
    parser.add_argument("--weight", type=float, default=0.45, help="of the dense list, in the product's ranking")
    parser.add_argument("--chunk-tokens", type=int, default=220)
    parser.add_argument("--overlap-tokens", type=int, default=30)
    parser.add_argument("--model", default=PACKAGED_MODEL)
    parser.add_argument("--cache", type=Path, default=Path("var/benchmark"))
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    model = load_embedder(given.model, given.cache.parent / "cache", threads=given.threads)
    embedder = CachedEmbedder(model, given.cache / "vectors")
    sizes = {"chunk_tokens": given.chunk_tokens, "overlap_tokens": given.overlap_tokens}
    for name in given.sets or [*SETS, "refusing"]:
        if name == "refusing":
            refusing(given.data, embedder, most=given.questions, **sizes)
        else:
            report(name, _thinned(SETS[name](given.data), given.questions), embedder, given.weight, sizes)


def report(name: str, corpus: Corpus, embedder: CachedEmbedder, weight: float, sizes: dict[str, int]) -> None:
    begun = time.monotonic()
    found = find(corpus, embedder, **sizes)
    measure, score = _MEASURES.get(name, ("nDCG@10", scoring.ndcg_at_10))
    counts = f"{len(corpus.sources)} documents, {len(found.passages)} passages, {len(corpus.questions)} questions"
    print(f"\n{name}: {counts}; {measure} ({time.monotonic() - begun:.0f} s)")
    others = {label: scoring.scores(rank, score, found, corpus) for label, rank in _OTHERS.items()}
    own = scoring.scores(systems.fused(weight), score, found, corpus)
    for label, values in {**others, PRODUCT: own}.items():
        low, high = interval(values)
        print(f"  {label:18} {fmean(values):.3f}  {low:.3f} to {high:.3f}")
    best = max(others, key=lambda label: fmean(others[label]))
    chance = chance_of_no_gain(own, others[best])
    gain = fmean(own) - fmean(others[best])
    print(f"  {gain:+.3f} against {best}; no better in {chance:.1%} of resamples", flush=True)


def _thinned(corpus: Corpus, most: int) -> Corpus:
    step = max(1, len(corpus.questions) // most)
    return replace(corpus, questions=corpus.questions[::step][:most])


if __name__ == "__main__":
    main()
