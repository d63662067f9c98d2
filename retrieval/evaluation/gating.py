"""Whether an index version may take the place of another: it must not be worse on the questions."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.utils import timezone

from retrieval.errors import IndexUnavailable
from retrieval.evaluation import running, sets
from retrieval.evaluation.comparing import Comparison, Difference, compare
from retrieval.evaluation.errors import UnknownEvaluation
from retrieval.evaluation.holding import VersionNotLoaded
from retrieval.evaluation.measures import MAIN
from retrieval.evaluation.models import EvaluationRun, QuestionSetVersion
from retrieval.versions.gate import Verdict

TOLERANCE = 0.02  # of nDCG@10: so much worse is let pass
_SECONDS = 300.0  # for both runs; then the next try goes on
_FRESH = timedelta(minutes=30)  # of a run that a try before made
_MEASURES = (MAIN, "recall@10")


def judge(question_set: str, version: int, baseline: int) -> Verdict:
    """The gate of a build. Raises IndexUnavailable while a service loads one of the versions."""
    try:
        found = sets.find(question_set)
    except UnknownEvaluation as error:
        return Verdict(False, error.user_message)
    return gate(found, version, baseline)


def gate(
    questions: QuestionSetVersion, candidate: int, baseline: int, *, tolerance: float = TOLERANCE, by: Any = None
) -> Verdict:
    """Both are asked at about the same time, so that the same documents are behind both. It does not pass when
    nDCG@10 or recall@10 is lower by more than the tolerance and the bounds of 95 % leave no room for chance.
    """
    until = time.monotonic() + _SECONDS
    old = _run(questions, baseline, until, by)
    new = _run(questions, candidate, until, by)
    for run in (old, new):
        if run.state != EvaluationRun.State.DONE:
            return Verdict(False, f"{run} was not evaluated: {run.error or run.state}", {"run": str(run.pk)})
    found = compare(old, new)
    worse = [one for one in found.differences if one.measure in _MEASURES and _fails(one, tolerance)]
    report = {"baseline_run": str(old.pk), "candidate_run": str(new.pk), "tolerance": tolerance, **found.as_dict()}
    return Verdict(not worse, _sentence(found, worse, tolerance), report)


def _fails(one: Difference, tolerance: float) -> bool:
    return one.difference < -tolerance and one.high < 0


def _sentence(found: Comparison, worse: list[Difference], tolerance: float) -> str:
    said = [
        f"{one.measure} {one.old:.3f} before, {one.new:.3f} now ({one.difference:+.3f}, 95 % from {one.low:+.3f} to "
        f"{one.high:+.3f})"
        for one in (worse or found.differences[:1])
    ]
    how = f"worse by more than {tolerance:g}" if worse else "not worse"
    return f"On {found.questions} questions it is {how}: {'; '.join(said)}."


def _run(questions: QuestionSetVersion, version: int, until: float, by: Any) -> EvaluationRun:
    """In this process. What a try before left open, or ended a moment ago, is gone on with. Raises IndexUnavailable."""
    run = _begun(questions, version) or running.start(questions, index_version=version, by=by)
    while running.take_turn(run.pk, seconds=max(0.0, until - time.monotonic())) and time.monotonic() < until:
        pass
    run.refresh_from_db()
    if run.error_code == VersionNotLoaded.code:
        raise VersionNotLoaded(run.error, advice="")
    if run.state in EvaluationRun.OPEN or run.error_code == IndexUnavailable.code:
        raise IndexUnavailable(detail=f"{run} was not evaluated yet")
    return run


def _begun(questions: QuestionSetVersion, version: int) -> EvaluationRun | None:
    runs = EvaluationRun.objects.filter(version=questions, index_version=version, person=None, collections=None)
    fresh = runs.filter(created_at__gt=timezone.now() - _FRESH, cancel_requested=False, k=running.DEFAULT_RESULTS)
    return fresh.filter(state__in=[*EvaluationRun.OPEN, EvaluationRun.State.DONE]).first()


def facts(verdict: Verdict) -> dict[str, Any]:
    return asdict(verdict)
