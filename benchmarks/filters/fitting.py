"""Fits the heads of all kinds to their lessons, sets their thresholds on texts that they did not learn from, and writes
them where the product finds them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import sparse

from benchmarks.filters.learning import Fitted, Matrices, Numbers, Pieces, fit, pieces
from benchmarks.filters.lessons import Lesson
from benchmarks.filters.sets import FOLDS
from chatapp.safety.learned.heads import FILE, Head, Heads
from retrieval.embedders.model_folders import PACKAGED_MODEL


@dataclass(frozen=True, slots=True)
class Taught:
    """A head fitted to everything, and for each fold one that was fitted without it."""

    everything: Head
    without: list[Head]


@dataclass(frozen=True, slots=True)
class _Matter:
    lots: dict[str, Pieces]
    matrix: sparse.csr_matrix
    positive: npt.NDArray[np.bool_]
    weights: Numbers
    folds: npt.NDArray[np.int64]


def teach(lesson: Lesson, matrices: Matrices) -> tuple[Taught, Taught]:
    """-> with letters and meaning, and with letters alone."""
    with_answers = lesson.with_answers()
    return (
        _taught(lesson, _matter(lesson, matrices, meaning=True)),
        _taught(with_answers, _matter(with_answers, matrices, meaning=False)),
    )


def write(taught: dict[str, tuple[Taught, Taught]], path: Path = FILE) -> None:
    kept: dict[str, npt.NDArray[np.generic]] = {"model": np.array(PACKAGED_MODEL)}
    for kind, both in taught.items():
        for which, one in zip(("whole", "alone"), both, strict=True):
            kept[f"{which}.letters.{kind}"] = one.everything.letters.astype(np.float16)
            kept[f"{which}.meaning.{kind}"] = one.everything.meaning.astype(np.float16)
            kept[f"{which}.bias.{kind}"] = np.array(one.everything.bias, np.float32)
    np.savez_compressed(path, **kept)


def without_fold(taught: dict[str, tuple[Taught, Taught]], fold: int) -> Heads:
    whole, alone = ({kind: both[at].without[fold] for kind, both in taught.items()} for at in (0, 1))
    return Heads(PACKAGED_MODEL, whole, alone)


def _matter(lesson: Lesson, matrices: Matrices, *, meaning: bool) -> _Matter:
    cut = {name: pieces(lot.rows, lot.cut) for name, lot in lesson.lots.items()}
    counts = {name: len(one.texts) for name, one in cut.items()}
    lots = lesson.lots
    positive = np.concatenate([np.full(counts[name], lots[name].positive) for name in cut])
    weights = np.concatenate([np.full(counts[name], lots[name].weight / counts[name]) for name in cut])
    weights[positive] *= weights[~positive].sum() / weights[positive].sum()
    return _Matter(
        cut,
        matrices.of([text for one in cut.values() for text in one.texts], meaning=meaning),
        positive,
        weights * len(weights) / weights.sum(),
        np.concatenate([one.folds[one.of] for one in cut.values()]),
    )


def _taught(lesson: Lesson, matter: _Matter) -> Taught:
    matrix = matter.matrix
    fitted: list[Fitted] = []
    scores = np.zeros(len(matter.positive))
    for fold in range(FOLDS):
        others = matter.folds != fold
        fitted.append(fit(matrix[others], matter.positive[others], matter.weights[others], lesson.strength))
        scores[~others] = fitted[-1].scores(matrix[~others])
    whole = fit(matrix, matter.positive, matter.weights, lesson.strength)
    thresholds = [_threshold(lesson, matter, scores, fold) for fold in range(FOLDS)]
    without = [_head(one, threshold) for one, threshold in zip(fitted, thresholds, strict=True)]
    return Taught(_head(whole, _threshold(lesson, matter, scores, None)), without)


def _threshold(lesson: Lesson, matter: _Matter, scores: Numbers, without: int | None) -> float:
    """The lowest at which no group of ordinary texts has more false alarms than it may. Of rows outside a fold."""
    rows, at = {}, 0
    for name, one in matter.lots.items():
        best = one.best(scores[at : at + len(one.texts)])
        rows[name] = best if without is None else best[one.folds != without]
        at += len(one.texts)
    groups = ((np.concatenate([rows[name] for name in names]), most) for names, most in lesson.ordinary)
    return max(float(np.quantile(found, 1 - most)) for found, most in groups)


def _head(fitted: Fitted, threshold: float) -> Head:
    letters, meaning = fitted.letters.astype(np.float32), fitted.meaning.astype(np.float32)
    return Head(letters, meaning, fitted.bias - threshold)
