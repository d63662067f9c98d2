"""Synthetic vectors that lie to one another as the embedder's do.

Passages stand in documents, documents in subjects, subjects in fields: a tree of Gaussian steps whose components fall
off by a power law. Its numbers were fitted to 40,000 real passages and questions (all-MiniLM-L6-v2, the texts of
`make bench-retrieval`): similarity to the 1st, 10th and 100th neighbour, local intrinsic dimension (Levina-Bickel, 50
neighbours), similarity of random pairs, and variance held by the first components. `--calibrate` prints both sides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from retrieval.contracts import Vectors

DIMENSION = 384
FITTED_AT = 42_000
_FIELDS, _SUBJECTS, _DOCUMENTS = 60, 700, 9_000  # at that size
_FIELD_STEP, _SUBJECT_STEP, _DOCUMENT_STEP, _PASSAGE_STEP = 0.42, 0.42, 0.5, 0.6
_DOCUMENT_SPREAD, _PASSAGE_SPREAD = 0.3, 0.5
_COMMON, _DECAY, _SHIFT = 0.146, 0.75, 9.0
_QUESTION_STEP = 1.3  # a question lies farther from its document than the document's passages
_BLOCK = 50_000

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Population:
    """The same numbers for the same size and seed, block by block."""

    count: int
    seed: int = 1

    @cached_property
    def _scale(self) -> Floats:
        falling = (np.arange(1, DIMENSION + 1) + _SHIFT - 1) ** -_DECAY
        return np.sqrt(falling / falling.sum()).astype(np.float32)

    @cached_property
    def _tree(self) -> tuple[Floats, npt.NDArray[np.int64]]:
        """Centres of the documents, and the field of each."""
        random, grown = np.random.default_rng(self.seed), self.count / FITTED_AT
        root = np.zeros((1, DIMENSION), np.float32)
        root[0, 0] = _COMMON
        fields, _ = self._children(random, root, round(_FIELDS * max(grown, 1) ** 0.5), _FIELD_STEP, 0.0)
        subjects, field = self._children(random, fields, round(_SUBJECTS * max(grown, 1) ** 0.75), _SUBJECT_STEP, 0.0)
        wanted = max(round(_DOCUMENTS * grown), 1)
        documents, subject = self._children(random, subjects, wanted, _DOCUMENT_STEP, _DOCUMENT_SPREAD)
        return documents, field[subject]

    def _children(
        self, random: np.random.Generator, centres: Floats, count: int, step: float, spread: float
    ) -> tuple[Floats, npt.NDArray[np.int64]]:
        parents = random.choice(len(centres), count, p=_popularity(random, len(centres)))
        size = np.float32(step) * np.exp(spread * random.standard_normal((count, 1), dtype=np.float32))
        return centres[parents] + random.standard_normal(
            (count, DIMENSION), dtype=np.float32
        ) * self._scale * size, parents

    @cached_property
    def document_of(self) -> npt.NDArray[np.int64]:
        """By row; the passages of a document follow one another, as they are stored."""
        random = np.random.default_rng(self.seed + 1)
        documents = len(self._tree[0])
        return np.sort(random.choice(documents, self.count, p=_popularity(random, documents)))

    @cached_property
    def field_of(self) -> npt.NDArray[np.int64]:
        return self._tree[1][self.document_of]

    def forget_tree(self) -> None:
        """Its centres take 330 MB at a million passages, which are not those of an index."""
        self.field_of  # noqa: B018 - kept, without the centres
        self.__dict__.pop("_tree", None)

    def blocks(self) -> Iterator[tuple[npt.NDArray[np.int64], Vectors]]:
        """Ids are the row numbers."""
        for number, at in enumerate(range(0, self.count, _BLOCK)):
            rows = np.arange(at, min(at + _BLOCK, self.count))
            yield rows, self._near(self.document_of[rows], self.seed + 1000 + number, _PASSAGE_STEP)

    def questions(self, count: int) -> Vectors:
        random = np.random.default_rng(self.seed + 2)
        documents = self.document_of[random.choice(self.count, count)]
        return self._near(documents, self.seed + 3, _PASSAGE_STEP * _QUESTION_STEP)

    def _near(self, documents: npt.NDArray[np.int64], seed: int, step: float) -> Vectors:
        random, count = np.random.default_rng(seed), len(documents)
        size = np.float32(step) * np.exp(_PASSAGE_SPREAD * random.standard_normal((count, 1), dtype=np.float32))
        noise = random.standard_normal((count, DIMENSION), dtype=np.float32) * self._scale * size
        made = self._tree[0][documents] + noise
        return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), dtype=np.float32)


def _popularity(random: np.random.Generator, count: int) -> npt.NDArray[np.float64]:
    weights = random.pareto(1.5, count) + 0.3
    return np.asarray(weights / weights.sum())


def scopes(population: Population, share: float) -> dict[str, npt.NDArray[np.int64]]:
    """Rows that a reader of this share may find: single passages, whole documents, or whole fields of the tree, which
    are the hardest: what may be found lies far from most questions."""
    random = np.random.default_rng(17)
    count = population.count
    wanted = max(int(share * count), 1)
    documents = random.permutation(population.document_of.max() + 1)
    fields = random.permutation(population.field_of.max() + 1)
    return {
        "passages": np.sort(random.choice(count, wanted, replace=False)),
        "documents": _of_groups(population.document_of, documents, wanted),
        "fields": _of_groups(population.field_of, fields, wanted),
    }


def _of_groups(group_of: npt.NDArray[np.int64], order: npt.NDArray[np.int64], wanted: int) -> npt.NDArray[np.int64]:
    """Whole groups in this order until there are about enough rows; the last may be cut."""
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return np.sort(np.argsort(rank[group_of], kind="stable")[:wanted])
