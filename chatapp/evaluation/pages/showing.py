"""Figures of runs as the pages show them; plots as lines of an SVG, drawn on the server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext

from chatapp.languages.said import said
from retrieval.evaluation.comparing import Difference
from retrieval.evaluation.measures import MAIN, MEASURES
from retrieval.evaluation.models import EvaluationRun

_WIDTH, _ROW = 320, 26  # of a plot, in its own units


@dataclass(frozen=True, slots=True)
class Bar:
    """A mean with its bounds on a line from 0 to 1."""

    name: str
    mean: float
    low: float
    high: float

    @property
    def left(self) -> float:
        return round(_WIDTH * self.low, 1)

    @property
    def width(self) -> float:
        return round(_WIDTH * (self.high - self.low), 1)

    @property
    def at(self) -> float:
        return round(_WIDTH * self.mean, 1)


@dataclass(frozen=True, slots=True)
class Mark:
    """A difference with its bounds, around a line at 0 in the middle."""

    of: Difference
    y: int
    left: float
    right: float
    at: float

    @property
    def kind(self) -> str:
        if not self.of.sure:
            return "even"
        fewer = self.of.chance_of_no_gain > 0.5
        return "worse" if fewer else "better"


@dataclass(frozen=True, slots=True)
class Plot:
    marks: list[Mark]
    reach: float  # at both ends

    @property
    def height(self) -> int:
        return _ROW * len(self.marks)


def state_of(run: EvaluationRun) -> str:
    if run.state not in EvaluationRun.OPEN:
        return said(run.state)
    if run.cancel_requested:
        return gettext("stopping")
    so_far = {"state": said(run.state), "number": run.answered, "all": run.version.questions}
    return gettext("%(state)s, %(number)s of %(all)s") % so_far


def title_of(run: EvaluationRun) -> str:
    return gettext("%(questions)s on %(index)s") % {"questions": run.version, "index": said(run.index_name)}


def with_bounds(one: dict[str, float]) -> str:
    mean, low, high = (number_format(one[name], 3) for name in ("mean", "low", "high"))
    return gettext("%(mean)s (%(low)s to %(high)s)") % {"mean": mean, "low": low, "high": high}


def measures_of(run: EvaluationRun) -> list[Bar]:
    measured = run.figures.get("measures", {})
    return [Bar(name, one["mean"], one["low"], one["high"]) for name in MEASURES if (one := measured.get(name))]


def parts_of(run: EvaluationRun) -> list[dict[str, Any]]:
    return [
        {"kind": kind, "name": name, "questions": one["questions"], "main": one[MAIN], "recall": one["recall@10"]}
        for kind in ("tag", "language")
        for name, one in run.figures.get(f"by_{kind}", {}).items()
    ]


def worst_of(run: EvaluationRun, most: int) -> list[dict[str, Any]]:
    """The questions that found least, with what they found."""
    if run.state != EvaluationRun.State.DONE:
        return []
    scored = [(MEASURES[MAIN](ranks), pk) for pk, ranks in run.results.values_list("pk", "ranks")]
    worst = dict(sorted(((pk, score) for score, pk in scored), key=lambda one: (one[1], one[0]))[:most])
    rows = run.results.filter(pk__in=worst).select_related("question")
    return [
        {
            "question": row.question,
            "score": worst[row.pk],
            "wanted": list(_wanted(row.question.targets, row.ranks)),
            "found": row.found[:3],
        }
        for row in sorted(rows, key=lambda row: (worst[row.pk], row.question.number))
        if worst[row.pk] < 1
    ]


def plot_of(differences: Sequence[Difference]) -> Plot:
    ends = [abs(end) for one in differences for end in (one.low, one.high, one.difference)]
    reach = max([0.05, *ends]) * 1.05
    middle = _WIDTH / 2

    def at(value: float) -> float:
        return round(middle + middle * value / reach, 1)

    marks = [
        Mark(one, _ROW * n + _ROW // 2, at(one.low), at(one.high), at(one.difference))
        for n, one in enumerate(differences)
    ]
    return Plot(marks, round(reach, 3))


def _wanted(targets: Sequence[dict[str, Any]], ranks: Sequence[int | None]) -> Iterator[dict[str, Any]]:
    for target, rank in zip(targets, ranks, strict=True):
        page = gettext("page %(number)s") % {"number": target["page"]} if "page" in target else ""
        parts = [target.get("document", ""), page]
        parts.append(f"“{target['quote'][:120]}”" if target.get("quote") else "")
        yield {"what": ", ".join(part for part in parts if part), "rank": rank}
