"""Passages with the vectors that a model made of them, read from Postgres in batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from retrieval.contracts import Vectors
from retrieval.indexed_text import indexed_text
from retrieval.models import PassageVector
from retrieval.versions.members import vectors_of_one_cut

_BATCH = 500


@dataclass(frozen=True, slots=True)
class EmbeddedPassages:
    ids: list[int]
    texts: list[str]  # as they were embedded
    vectors: Vectors


def embedded_passages(model: str, *, most: int) -> Iterator[EmbeddedPassages]:
    """Of ready documents; evenly spread, where there are more than `most`."""
    stored = vectors_of_one_cut(model)
    step = max(1, -(-stored.count() // most))
    chosen = list(stored.order_by("passage_id").values_list("pk", flat=True).iterator())[::step]
    for start in range(0, len(chosen), _BATCH):
        found = PassageVector.objects.filter(pk__in=chosen[start : start + _BATCH])
        rows = list(found.select_related("passage__document").order_by("passage_id"))
        if not rows:
            continue
        passages = [row.passage for row in rows]
        yield EmbeddedPassages(
            [one.pk for one in passages],
            [indexed_text(one.document.name, one.document.title, one.heading, one.text) for one in passages],
            np.stack([np.frombuffer(row.vector, dtype="<f2").astype(np.float32) for row in rows]),
        )
