"""A second look at the best passages by a model that reads question and passage together, where one is configured."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import psycopg
import structlog
from prometheus_client import Counter

from retrieval.contracts import PassageHit

log = structlog.get_logger(__name__)

LOOKED_AT = 20  # of the ranking's best
_AT_ONCE = 4  # passages between two looks at the clock
_TEXTS = "SELECT id, heading, text FROM retrieval_passage WHERE id = ANY(%s)"
_PATIENCE = 2  # seconds for the database
LOOKS = Counter("footnote_search_second_looks_total", "Second looks at a ranking: taken, late, failed", ["result"])


class PairModel(Protocol):
    def scores(self, question: str, texts: Sequence[str]) -> Sequence[float]:
        """How well each text answers; higher is better."""


class Reranker:
    """One question after the other; the ranking stays as it was where the time is over before all were read."""

    def __init__(self, model: PairModel, texts: Callable[[list[int]], Mapping[int, str]], seconds: float) -> None:
        self._model, self._texts, self._seconds = model, texts, seconds
        self._busy = threading.Lock()

    def rerank(self, question: str, hits: Sequence[PassageHit]) -> list[PassageHit]:
        """The scores stay with the places, so that they still fall."""
        until = time.monotonic() + self._seconds
        if len(hits) < 2 or not self._busy.acquire(timeout=self._seconds):
            return list(hits)
        try:
            scores = self._scores(question, hits[:LOOKED_AT], until)
        except (psycopg.Error, OSError, RuntimeError, ValueError) as error:
            LOOKS.labels("failed").inc()
            log.warning("reranker.failed", error=" ".join(str(error).split())[:200])
            return list(hits)
        finally:
            self._busy.release()
        LOOKS.labels("taken" if scores else "late").inc()
        order = sorted(range(len(scores)), key=lambda at: -scores[at])
        again = [replace(hits[at], score=hits[place].score) for place, at in enumerate(order)]
        return [*again, *hits[len(again) :]]

    def _scores(self, question: str, hits: Sequence[PassageHit], until: float) -> list[float]:
        """-> none where the time is over"""
        known = self._texts([hit.passage_id for hit in hits])
        texts = [known.get(hit.passage_id, "") for hit in hits]
        scores: list[float] = []
        for begin in range(0, len(texts), _AT_ONCE):
            if time.monotonic() > until:
                return []
            scores += self._model.scores(question, texts[begin : begin + _AT_ONCE])
        return scores


def configured(folder: str, dsn: str, seconds: float) -> Reranker | None:
    """None without a model, or where it cannot be loaded: searches then answer as they are ranked."""
    if not folder:
        return None
    if not Path(folder).is_dir():
        log.error("reranker.not_loaded", folder=folder, error="no such folder")
        return None
    from retrieval.embedders.sentence_transformer import CrossEncoderModel

    try:
        model = CrossEncoderModel(Path(folder))
    except (OSError, ValueError, RuntimeError) as error:
        log.error("reranker.not_loaded", folder=folder, error=" ".join(str(error).split())[:200])
        return None
    return Reranker(model, lambda passages: _stored(dsn, passages), seconds)


def _stored(dsn: str, passages: list[int]) -> dict[int, str]:
    patience = f"-c statement_timeout={_PATIENCE * 1000}"
    with psycopg.connect(dsn, connect_timeout=_PATIENCE, options=patience) as connection:
        rows = connection.execute(_TEXTS, [passages]).fetchall()
    return {int(row[0]): f"{row[1]}\n{row[2]}".strip() for row in rows}
