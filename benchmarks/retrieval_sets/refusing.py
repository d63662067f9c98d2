"""Whether the best score tells questions that the documents answer from those that they do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.retrieval_sets.candidates import CachedEmbedder, find
from benchmarks.retrieval_sets.sets import nq_among_others, squad_alone


def refusing(data: Path, embedder: CachedEmbedder, *, most: int, chunk_tokens: int, overlap_tokens: int) -> None:
    """Questions of one corpus, and real people's questions about other things, asked of that corpus."""
    own = squad_alone(data)
    foreign = nq_among_others(data).questions[:most]
    corpus = replace(own, questions=(*own.questions[:: max(1, len(own.questions) // most)][:most], *foreign))
    count = len(corpus.questions) - len(foreign)
    found = find(corpus, embedder, chunk_tokens=chunk_tokens, overlap_tokens=overlap_tokens)
    dense = [one[0].score if one else 0.0 for one in found.dense]
    lexical = [one[0].score if one else 0.0 for one in found.lexical]
    print(f"\nthe documents do not say: {count} questions that they answer, {len(foreign)} that they do not; AUROC")
    print(f"  best cosine similarity {auroc(dense[:count], dense[count:]):.3f}")
    print(f"  best BM25 score        {auroc(lexical[:count], lexical[count:]):.3f}", flush=True)


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """The chance that one of the first is above one of the second (Mann and Whitney, 1947)."""
    above = np.asarray(positive)[:, None] - np.asarray(negative)[None, :]
    return float((above > 0).mean() + (above == 0).mean() / 2)
