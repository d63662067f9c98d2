"""Sets, runs and comparisons as plain facts, and as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from retrieval.evaluation.comparing import Comparison
from retrieval.evaluation.measures import MEASURES
from retrieval.evaluation.models import EvaluationRun, QuestionSetVersion


def version_facts(version: QuestionSetVersion) -> dict[str, Any]:
    return {
        "question_set": version.question_set.name,
        "version": version.number,
        "questions": version.questions,
        "sha256": version.sha256,
        "created_at": version.created_at.isoformat(),
    }


def run_facts(run: EvaluationRun) -> dict[str, Any]:
    return {
        "run": str(run.pk),
        "question_set": run.version.question_set.name,
        "version": run.version.number,
        "index_version": run.index_version,
        "embedding_model": run.embedding_model,
        "asked_as": run.person.get_username() if run.person else None,
        "collections": [one.name for one in run.collections.all()],
        "k": run.k,
        "state": run.state,
        "answered": run.answered,
        "error": run.error or None,
        "figures": run.figures,
        "created_at": run.created_at.isoformat(),
        "ended_at": run.ended_at.isoformat() if run.ended_at else None,
    }


def run_line(run: EvaluationRun) -> str:
    main = run.figures.get("measures", {}).get("nDCG@10", {}).get("mean")
    said = f"nDCG@10 {main:.3f}" if main is not None else f"{run.answered} of {run.version.questions}"
    return f"{str(run.pk)[:8]}  {run.state:9}  {run.created_at:%Y-%m-%d %H:%M}  {run}: {said}"


def run_lines(run: EvaluationRun) -> Iterator[str]:
    yield run_line(run)
    if run.error:
        yield f"  {run.error}"
    for name in MEASURES if run.figures else ():
        one = run.figures["measures"][name]
        yield f"  {name:14} {one['mean']:.3f}  {one['low']:.3f} to {one['high']:.3f}"
    if run.figures:
        spent = run.figures["milliseconds"]
        yield f"  {'one search':14} {spent['p50']:g} ms (p50), {spent['p95']:g} ms (p95)"
    if absent := run.figures.get("absent"):
        yield f"  {absent} of the questions name a document that is not there."


def comparison_lines(found: Comparison) -> Iterator[str]:
    yield f"{found.questions} questions: {found.better} better, {found.worse} worse"
    for one in found.differences:
        bounds = f"{one.low:+.3f} to {one.high:+.3f}"
        chance = f"no better in {one.chance_of_no_gain:.0%} of resamples"
        yield f"  {one.measure:14} {one.old:.3f} -> {one.new:.3f}  {one.difference:+.3f}  {bounds}  {chance}"
    for changed in found.changed[:5]:
        yield f"  {changed.old:.2f} -> {changed.new:.2f}  {changed.question}"
    yield from found.notes
