"""Two runs over the same questions, question by question."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from retrieval.evaluation.errors import RunRefused
from retrieval.evaluation.figures import parted, results_of, scores
from retrieval.evaluation.measures import FEWER_IS_BETTER, MAIN, MEASURES
from retrieval.evaluation.models import EvaluationRun
from retrieval.evaluation.significance import chances_of_no_gain, intervals

_CHANGED = 20  # questions that are shown


@dataclass(frozen=True, slots=True)
class Difference:
    """New less old, with the bounds of 95 % and how often, in resamples, the new one is no better."""

    measure: str
    old: float
    new: float
    difference: float
    low: float
    high: float
    chance_of_no_gain: float

    @property
    def sure(self) -> bool:
        """The bounds leave 0 out."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Changed:
    question: str
    number: int
    old: float
    new: float


@dataclass(frozen=True, slots=True)
class Comparison:
    questions: int
    better: int  # questions, by the main measure
    worse: int
    differences: list[Difference] = field(default_factory=list)
    by_tag: list[Difference] = field(default_factory=list)  # `measure` holds the tag; of the main measure
    changed: list[Changed] = field(default_factory=list)  # the most first
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def compare(old: EvaluationRun, new: EvaluationRun) -> Comparison:
    """Raises RunRefused."""
    _check(old, new)
    before, after = results_of(old), results_of(new)
    values = np.stack([scores(before), scores(after)])
    main = values[:, :, list(MEASURES).index(MAIN)]
    change = main[1] - main[0]
    by_tag = [
        _differences([tag], main[:, places, None])[0]
        for tag, places in parted(before, lambda question: question.tags).items()
    ]
    most = [n for n in np.argsort(-np.abs(change), kind="stable")[:_CHANGED] if change[n]]
    return Comparison(
        questions=len(before),
        better=int((change > 0).sum()),
        worse=int((change < 0).sum()),
        differences=_differences(list(MEASURES), values),
        by_tag=by_tag,
        changed=[
            Changed(before[n].question.text, before[n].question.number, float(main[0, n]), float(main[1, n]))
            for n in most
        ],
        notes=_notes(old, new),
    )


def _differences(names: list[str], values: Any) -> list[Difference]:
    """`values`: old and new, of each question, of each name."""
    change = values[1] - values[0]
    signs = np.array([-1.0 if name in FEWER_IS_BETTER else 1.0 for name in names])
    rows = zip(names, values.mean(axis=1).T, intervals(change), chances_of_no_gain(change * signs), strict=True)
    return [
        Difference(name, *(round(float(one), 4) for one in (old, new, new - old, low, high, chance)))
        for name, (old, new), (low, high), chance in rows
    ]


def _check(old: EvaluationRun, new: EvaluationRun) -> None:
    for run in (old, new):
        if run.state != EvaluationRun.State.DONE:
            raise RunRefused(f"The run {run.pk} is {run.state}.", advice="Compare runs that are done.")
    if old.version_id != new.version_id:
        raise RunRefused(
            f"The runs asked different questions: {old.version} and {new.version}.",
            advice="Run the same version on both.",
        )


def _notes(old: EvaluationRun, new: EvaluationRun) -> list[str]:
    """What else is different, so that nobody takes it for the index version."""
    found = []
    if old.person_id != new.person_id:
        found.append("The runs were made as different people, who may read different documents.")
    if set(old.collections.values_list("pk", flat=True)) != set(new.collections.values_list("pk", flat=True)):
        found.append("The runs searched different collections.")
    if old.k != new.k:
        found.append(f"The runs asked for {old.k} and for {new.k} results.")
    if old.figures.get("absent") != new.figures.get("absent"):
        found.append("Documents came or went between the runs.")
    return found
