"""What the results of a run say, with bounds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrieval.evaluation.asking import names, reach_of
from retrieval.evaluation.measures import MAIN, MEASURES, Ranks
from retrieval.evaluation.models import EvaluationRun, Question
from retrieval.evaluation.significance import Floats, intervals
from retrieval.models import Document

_OF_PARTS = (MAIN, "recall@10", "hit@5")
_PARTS = 50  # tags that are shown
_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Result:
    question: Question
    ranks: Ranks
    milliseconds: float


def results_of(run: EvaluationRun) -> list[Result]:
    """In the order of the questions."""
    rows = run.results.select_related("question").order_by("question__number").defer("found")
    return [Result(row.question, row.ranks, row.milliseconds) for row in rows]


def scores(results: Sequence[Result], measures: Iterable[str] = MEASURES) -> Floats:
    """A row for each question, a column for each measure."""
    chosen = [MEASURES[name] for name in measures]
    return np.array([[measure(one.ranks) for measure in chosen] for one in results], dtype=np.float64)


def summed_up(run: EvaluationRun) -> dict[str, Any]:
    results = results_of(run)
    values = scores(results)
    bounds = intervals(values)
    measured = {
        name: {"mean": _round(values[:, n].mean()), "low": _round(low), "high": _round(high)}
        for n, (name, (low, high)) in enumerate(zip(MEASURES, bounds, strict=True))
    }
    p50, p95 = np.percentile([one.milliseconds for one in results], [50, 95])
    return {
        "questions": len(results),
        "measures": measured,
        "milliseconds": {"p50": round(float(p50), 1), "p95": round(float(p95), 1)},
        "absent": _absent(run, results),
        "by_tag": _parts(results, lambda question: question.tags),
        "by_language": _parts(results, lambda question: [question.language] if question.language else []),
    }


def parted(results: Sequence[Result], parts_of: Any) -> dict[str, list[int]]:
    """The places of the results of each part, for the most frequent ones."""
    places = defaultdict[str, list[int]](list)
    for place, one in enumerate(results):
        for part in parts_of(one.question):
            places[part].append(place)
    most = sorted(places, key=lambda part: (-len(places[part]), part))[:_PARTS]
    return {part: places[part] for part in most}


def _parts(results: Sequence[Result], parts_of: Any) -> dict[str, Any]:
    values = scores(results, _OF_PARTS)
    return {
        part: {"questions": len(places)} | {name: _round(values[places, n].mean()) for n, name in enumerate(_OF_PARTS)}
        for part, places in parted(results, parts_of).items()
    }


def _absent(run: EvaluationRun, results: Sequence[Result]) -> int:
    """Questions that name a document which is not among those that were searched."""
    wanted = {one["document"] for result in results for one in result.question.targets if one.get("document")}
    ready = Document.objects.filter(status=Document.Status.READY, collection__in=reach_of(run).collections)
    there = defaultdict[str, list[str]](list)
    for name, path in ready.filter(name__in={_last(one) for one in wanted}).values_list("name", "path"):
        there[name].append(path)
    gone = {one for one in wanted if not any(names(one, _last(one), path) for path in there.get(_last(one), ()))}
    return sum(any(one.get("document") in gone for one in result.question.targets) for result in results)


def _last(document: str) -> str:
    return document.rpartition("/")[2]


def _round(value: Any) -> float:
    return round(float(value), _DIGITS)
