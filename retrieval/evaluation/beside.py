"""A static embedding model beside the one that it was distilled from: what each finds alone, and how fast it is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from retrieval.contracts import Embedder, Vectors
from retrieval.embedded_passages import embedded_passages
from retrieval.embedders.embedding_models import Card
from retrieval.embedders.loading import load_embedder
from retrieval.evaluation.asking import judged
from retrieval.evaluation.errors import RunRefused
from retrieval.evaluation.measures import MEASURES, Ranks
from retrieval.evaluation.models import QuestionSetVersion
from retrieval.evaluation.rows import Row
from retrieval.evaluation.sets import rows_of
from retrieval.evaluation.significance import chances_of_no_gain, intervals
from retrieval.models import Passage

MOST_PASSAGES = 50_000  # that are searched: 80 MB of vectors of the full model
_FOUND = 50  # passages of each question
_TIMED_PASSAGES, _TIMED_QUESTIONS = 200, 100
_MEASURES = ("nDCG@10", "recall@10", "hit@5")


@dataclass(frozen=True, slots=True)
class _Searched:
    """The passages with the vectors of the source, which are stored, and of the static model."""

    ids: list[int]
    texts: list[str]  # as they are embedded
    full: Vectors
    static: Vectors


def measure(card: Card, version: QuestionSetVersion, *, cache: Path, threads: int) -> dict[str, Any]:
    """Exact search by meaning alone, without words. Raises RunRefused."""
    rows = rows_of(version)
    static = load_embedder(card.name, cache, threads=threads)
    source = load_embedder(card.source, cache, threads=threads)
    searched = _searched(card, static)
    found = {
        one.name: [_ranks(row, vector, vectors, searched.ids) for row, vector in zip(rows, asked, strict=True)]
        for one, vectors in ((source, searched.full), (static, searched.static))
        for asked in [one.embed([row.question for row in rows])]
    }
    scores = {name: _scores(ranks) for name, ranks in found.items()}
    change = scores[static.name] - scores[source.name]
    return {
        "question_set": str(version),
        "questions": len(rows),
        "passages": len(searched.ids),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "models": {
            one.name: {**_means(scores[one.name]), **_speed(one, searched.texts, rows)} for one in (source, static)
        },
        "difference": _differences(change),
    }


def _searched(card: Card, static: Embedder) -> _Searched:
    """Those that have vectors of the source."""
    parts = [(part, static.embed(part.texts)) for part in embedded_passages(card.source, most=MOST_PASSAGES)]
    if not parts:
        raise RunRefused(
            f"No passage has vectors of {card.source}, which {card.name} was made from.",
            advice="Build an index version with it first.",
        )
    return _Searched(
        [pk for part, _ in parts for pk in part.ids],
        [text for part, _ in parts for text in part.texts[: _TIMED_PASSAGES // len(parts) + 1]],
        np.concatenate([part.vectors for part, _ in parts]),
        np.concatenate([made for _, made in parts]),
    )


def _ranks(row: Row, asked: Vectors, vectors: Vectors, ids: Sequence[int]) -> Ranks:
    scores = vectors @ asked
    best = np.argsort(-scores, kind="stable")[:_FOUND]
    known = Passage.objects.select_related("document__collection").in_bulk([ids[at] for at in best])
    passages = [(known[ids[at]], float(scores[at])) for at in best if ids[at] in known]
    return judged(row.targets, passages)[0]


def _scores(ranks: Sequence[Ranks]) -> Any:
    return np.array([[MEASURES[name](one) for name in _MEASURES] for one in ranks], dtype=np.float64)


def _means(scores: Any) -> dict[str, float]:
    return {name: round(float(mean), 4) for name, mean in zip(_MEASURES, scores.mean(axis=0), strict=True)}


def _differences(change: Any) -> dict[str, Any]:
    return {
        name: {"mean": round(float(mean), 4), "low": round(low, 4), "high": round(high, 4), "no_gain": float(chance)}
        for name, mean, (low, high), chance in zip(
            _MEASURES, change.mean(axis=0), intervals(change), chances_of_no_gain(change), strict=True
        )
    }


def _speed(embedder: Embedder, texts: Sequence[str], rows: Sequence[Row]) -> dict[str, float]:
    texts = texts[:_TIMED_PASSAGES]
    begun = time.perf_counter()
    embedder.embed(texts)
    a_second = len(texts) / (time.perf_counter() - begun)
    spent = []
    for row in rows[:_TIMED_QUESTIONS]:
        begun = time.perf_counter()
        embedder.embed([row.question])
        spent.append(1000 * (time.perf_counter() - begun))
    return {"passages_a_second": round(a_second, 1), "question_milliseconds": round(float(np.median(spent)), 2)}
